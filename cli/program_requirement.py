"""The line of a requirements.txt that installs the running version of this program."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

NAME = "ascend-vllm"

_ONLY_HERE = "it names a directory of this machine; name a git repository that CI and your colleagues can read"

_SHORT_SSH = re.compile(r"(?P<host>[^/:]+):(?!//)(?P<path>.+)")
"""An address of git in the form `git@example.com:team/program.git`."""


@dataclass(frozen=True)
class Requirement:
    """A requirement for pip."""

    line: str
    """`ascend-vllm @ git+https://git.example.com/ascend-vllm.git@4f1d2c`, for example."""
    caution: str = ""
    """Why the line may not work elsewhere; empty if it does."""


def program_requirement() -> Requirement:
    """The requirement for the installed program: from an index, from git, or from a checkout."""
    installed = distribution(NAME)
    # pip and uv write this file for what they do not install from an index.
    origin = installed.read_text("direct_url.json")
    if origin is None:
        return Requirement(f"{NAME}=={installed.version}")
    return requirement_of(json.loads(origin))


def requirement_of(origin: dict[str, Any]) -> Requirement:
    """The requirement for an installation that did not come from an index.

    Args:
        origin: The content of `direct_url.json`.
    """
    url = str(origin["url"])
    version_control = origin.get("vcs_info")
    if version_control:
        return _of_git(_without_credentials(url), version_control["commit_id"])
    if "dir_info" in origin:
        return _of_checkout(Path(url2pathname(urlsplit(url).path)))
    return Requirement(f"{NAME} @ {_without_credentials(url)}")


def _of_checkout(checkout: Path) -> Requirement:
    """The commit of a checkout at its remote repository, or the directory itself if it has none."""
    remote = _git(checkout, "remote", "get-url", "origin")
    commit = _git(checkout, "rev-parse", "HEAD")
    if not remote or not commit:
        return Requirement(
            f"{NAME} @ {checkout.as_uri()}",
            _ONLY_HERE,
        )
    requirement = _of_git(_as_url(remote, checkout), commit)
    if _git(checkout, "status", "--porcelain"):
        caution = "the checkout has changes that the commit lacks"
        return replace(requirement, caution=caution)
    if not _git(checkout, "branch", "--remotes", "--contains", commit):
        return replace(requirement, caution="the commit is not pushed yet")
    return requirement


def _of_git(url: str, commit: str) -> Requirement:
    """A commit of a repository."""
    if urlsplit(url).scheme == "file":
        # The pip of Python 3.11 refuses `NAME @ git+file:///…`, because the URL names no host.
        return Requirement(f"git+{url}@{commit}#egg={NAME}", _ONLY_HERE)
    return Requirement(f"{NAME} @ git+{url}@{commit}")


def _as_url(remote: str, checkout: Path) -> str:
    """The address of a remote repository as a URL, as pip expects it, without credentials."""
    if "://" in remote:
        return _without_credentials(remote)
    short_ssh = _SHORT_SSH.fullmatch(remote)
    if short_ssh:
        path = short_ssh["path"].lstrip("/")
        return f"ssh://{short_ssh['host']}/{path}"
    return (checkout / remote).resolve().as_uri()


def _without_credentials(url: str) -> str:
    """The URL without the user and the password of HTTP. The user of SSH is a part of the address."""
    parts = urlsplit(url)
    if parts.scheme == "ssh":
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host))


def _git(directory: Path, *arguments: str) -> str:
    """The output of git; empty if it fails or is not installed."""
    try:
        answer = subprocess.run(
            ["git", "-C", directory, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
