"""Excerpts of stack files: which values are shown in a finding."""

from __future__ import annotations

import re
from typing import Any

from models.credentials.mask import masked
from models.credentials.names import is_credential_name, name_words
from models.credentials.values import is_plain, is_shown

_OWN_KEYS = ("cluster", "base", "services", "kvTransfer")
_LONGEST_SHOWN = 10_000
"""Characters of the longest value that an excerpt shows."""

_MAPPINGS = frozenset(
    (owner, kind)
    for owner in ("secret", "secrets", "credential", "credentials")
    for kind in ("env", "environment", "variables", "vars", "data", "values")
)
_ACCEPT = "accept"
_REASON_DEPTH = len(("services", "qwen", _ACCEPT, "image-tag"))
_COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")
_ANCESTOR = re.compile(r"[~^][0-9~^]*$")
"""The end of a revision of git that names an ancestor: `HEAD~1`."""

_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
Path = tuple[str, ...]


def is_hidden(path: Path, value: str) -> bool:
    """Whether the excerpt of a file hides the value at a path.

    Hidden are credentials by their name or shape, and values in places where people put one by mistake: a key of the
    stack next to its own, a reference to a Secret (`{secret: …}`, `{key: …}`), and the value of a variable, also in
    place of the mapping `env`, a value under `accept` that is no reason, and a text that cannot name a commit.
    A long value is hidden without a search for credentials.
    """
    keys = [key for key in path if not key.isdigit()]
    name = keys[-1] if keys else ""
    above = keys[-2] if len(keys) > 1 else ""
    if (
        len(path) > 1
        and path[0] == "config"
        and path[1].rpartition(":")[2] not in _OWN_KEYS
    ):
        return True
    if (
        len(value) > _LONGEST_SHOWN
        or masked(value) != value
        or _is_no_commit(name, value)
        or (is_credential_name(name) and not is_shown(name, value))
    ):
        return True
    if name in ("secure", "env") or _holds_credentials(above) or _is_no_reason(path):
        return True
    if name == "value" and above not in ("tolerations", "matchExpressions"):
        return True
    is_reference = name in ("secret", "key", "config") or "pullSecrets" in path
    if is_reference and _is_reference_place(keys):
        return name in ("secret", "key") or _OBJECT_NAME.fullmatch(value) is None
    return is_credential_name(above) and not is_shown(above, value)


def _is_no_reason(path: Path) -> bool:
    """Whether a value is below `accept` of a service and is not the reason of one rule, such as an item of a list."""
    place = path[1:] if path[:1] == ("config",) else path
    is_accept = place[:1] and place[0].endswith("services") and place[2:3] == (_ACCEPT,)
    is_reason = len(place) == _REASON_DEPTH and not place[-1].isdigit()
    return bool(is_accept) and not is_reason


def _is_no_commit(name: str, value: str) -> bool:
    """Whether a text in place of a commit is neither one nor the plain name of a branch or a tag."""
    revision = _ANCESTOR.sub("", value)
    is_name = is_plain(revision) or _COMMIT.fullmatch(revision) is not None
    return name == "commit" and not is_name


def _holds_credentials(name: str) -> bool:
    """Whether a mapping is named like one with credentials, such as `secretEnv`. The stack file has no such key."""
    return name_words(name)[-2:] in _MAPPINGS


def holds_hidden(path: Path, value: Any) -> bool:
    """Whether a value is a text that is never shown, or contains one."""
    if isinstance(value, dict):
        return any(holds_hidden((*path, key), item) for key, item in value.items())
    if isinstance(value, list):
        return any(
            holds_hidden((*path, str(index)), item) for index, item in enumerate(value)
        )
    return isinstance(value, str) and is_hidden(path, value)


def _is_reference_place(keys: list[str]) -> bool:
    """Whether a path is below a key of the stack file that takes a reference to a Secret, not in a pod's template."""
    return "podTemplate" not in keys
