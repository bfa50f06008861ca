"""Excerpts of stack files: which values a finding hides."""

from __future__ import annotations

import re
from typing import Any

from models.credentials.mask import masked
from models.credentials.names import is_credential_name, name_words
from models.credentials.values import is_plain, is_shown

Path = tuple[str, ...]

_LONGEST_SHOWN = 10_000
"""Characters of the longest value that an excerpt shows."""

_OWN_KEYS = ("cluster", "base", "services", "kvTransfer")
"""The keys of the project in a stack file."""

_MAPPINGS = frozenset(
    (owner, kind)
    for owner in ("secret", "secrets", "credential", "credentials")
    for kind in ("env", "environment", "variables", "vars", "data", "values")
)
"""Words at the end of the name of a mapping with credentials, such as `secretEnv`."""

_ACCEPT = "accept"
_REASON_DEPTH = len(("services", "qwen", _ACCEPT, "image-tag"))
_COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")
_ANCESTOR = re.compile(r"[~^][0-9~^]*$")
"""The end of a revision of git that names an ancestor: `HEAD~1`."""

_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
"""A name of a Kubernetes object."""


def is_hidden(path: Path, value: str) -> bool:
    """Whether the excerpt of a file hides the value at a path.

    A value is hidden if it looks like a credential, if its key is named like one, and in places where people put a
    credential by mistake.
    """
    if _is_hidden_by_value(value):
        return True
    keys = [key for key in path if not key.isdigit()]
    name = keys[-1] if keys else ""
    above = keys[-2] if len(keys) > 1 else ""
    if _is_hidden_by_name(name, value):
        return True
    if _is_unknown_key_of_project(path) or _is_no_reason(path):
        return True
    if _is_value_of_variable(name, above):
        return True
    if _is_reference(path, name) and "podTemplate" not in keys:
        return _is_hidden_reference(name, value)
    return is_credential_name(above) and not is_shown(above, value)


def holds_hidden(path: Path, value: Any) -> bool:
    """Whether a value is a text that is never shown, or contains one."""
    if isinstance(value, dict):
        return any(holds_hidden((*path, key), item) for key, item in value.items())
    if isinstance(value, list):
        return any(
            holds_hidden((*path, str(index)), item) for index, item in enumerate(value)
        )
    return isinstance(value, str) and is_hidden(path, value)


def _is_hidden_by_value(value: str) -> bool:
    """Whether a value looks like a credential. A long one is hidden without a search for credentials."""
    return len(value) > _LONGEST_SHOWN or masked(value) != value


def _is_hidden_by_name(name: str, value: str) -> bool:
    """Whether the key of a value is named like a credential, and the value may be one."""
    if name == "commit":
        return not _names_commit(value)
    return is_credential_name(name) and not is_shown(name, value)


def _names_commit(text: str) -> bool:
    """Whether a text is a commit, or the plain name of a branch or a tag."""
    revision = _ANCESTOR.sub("", text)
    return is_plain(revision) or _COMMIT.fullmatch(revision) is not None


def _is_unknown_key_of_project(path: Path) -> bool:
    """Whether a value is below a key next to the project's own ones, which may be a secret of the user."""
    if len(path) < 2 or path[0] != "config":
        return False
    key = path[1].rpartition(":")[2]
    return key not in _OWN_KEYS


def _is_no_reason(path: Path) -> bool:
    """Whether a value is below `accept` of a service and is not the reason of one rule, such as an item of a list."""
    place = path[1:] if path[:1] == ("config",) else path
    if not place or not place[0].endswith("services") or place[2:3] != (_ACCEPT,):
        return False
    is_reason = len(place) == _REASON_DEPTH and not place[-1].isdigit()
    return not is_reason


def _is_value_of_variable(name: str, above: str) -> bool:
    """Whether a key has the value of a variable, or stands for variables, as a text in place of the mapping `env`."""
    if name in ("secure", "env") or _holds_credentials(above):
        return True
    return name == "value" and above not in ("tolerations", "matchExpressions")


def _holds_credentials(name: str) -> bool:
    """Whether a mapping is named like one with credentials, such as `secretEnv`. The stack file has no such key."""
    return name_words(name)[-2:] in _MAPPINGS


def _is_reference(path: Path, name: str) -> bool:
    """Whether a key belongs to a reference to a Secret or a ConfigMap."""
    return name in ("secret", "key", "config") or "pullSecrets" in path


def _is_hidden_reference(name: str, value: str) -> bool:
    """Whether a value in place of a reference may be the secret itself.

    A name is shown, unless a misplaced secret can look like one.
    """
    if name in ("secret", "key"):
        return True
    return _OBJECT_NAME.fullmatch(value) is None
