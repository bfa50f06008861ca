"""Parts of home directories that no pod should see or write to, as data."""

from __future__ import annotations

import re

_WITH_KEYS = frozenset(
    {
        ".ssh",
        ".kube",
        ".docker",
        ".gnupg",
        ".aws",
        ".azure",
        ".obsutilconfig",
        ".netrc",
        ".git-credentials",
        ".bash_history",
        ".config",
        ".hcloud",
        ".huggingface",
        ".huawei",
        ".keystore",
        ".m2",
        ".modelscope",
        ".my.cnf",
        ".npmrc",
        ".ossutilconfig",
        ".password-store",
        ".pgpass",
        ".pypirc",
        ".rclone.conf",
        ".s3cfg",
        ".terraform.d",
        ".vault-token",
        ".ansible",
        ".bluemix",
        ".cargo",
        ".composer",
        ".curlrc",
        ".gem",
        ".gitconfig",
        ".gradle",
        ".jupyter",
        ".minikube",
        ".mozilla",
        ".mysql_history",
        ".oci",
        ".pki",
        ".psql_history",
        ".python_history",
        ".subversion",
        ".terraformrc",
        ".vault",
        ".wgetrc",
        ".zsh_history",
        ".aliyun",
        ".tccli",
        ".ngc",
    }
)
"""Files and directories with keys and credentials, wherever a home directory is."""

_HOMES = ("/home/", "/var/home/")
"""Directories in which each user of the node has a home directory."""

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
"""The name of a user (useradd(8)). The directory of a model has capital letters or dots, such as `Qwen3-8B`."""

_CACHE = ".cache"
"""The hidden directory of a home directory that a pod may write to."""


def key_place(place: str) -> str:
    """The file or directory with keys that a path is in or, as a whole home directory, contains; empty without one."""
    parts = place.split("/")
    for index, name in enumerate(parts):
        if name in _WITH_KEYS:
            return "/".join(parts[: index + 1])
    below_homes = _parts_below_homes(place)
    if len(below_homes) == 1 and _USER.fullmatch(below_homes[0]):
        return f"{place}/.ssh"
    return ""


def start_place(place: str) -> str:
    """The hidden file or directory of a home directory that a path is in; empty without one. Its cache does not count.

    Programs of the user read such files when they start.
    """
    parts = _parts_below_homes(place)
    if len(parts) < 2 or not parts[1].startswith(".") or parts[1] == _CACHE:
        return ""
    home = place.removesuffix("/".join(parts))
    return f"{home}{parts[0]}/{parts[1]}"


def _parts_below_homes(place: str) -> list[str]:
    """The name of a user and what follows it in a path; empty for other paths."""
    for homes in _HOMES:
        if place.startswith(homes):
            return place.removeprefix(homes).split("/")
    return []
