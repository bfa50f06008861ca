"""The valid name that resembles an invalid one."""

from __future__ import annotations

import posixpath
import re

_MOST_CHARACTERS = 63
"""Characters of the longest name of a service."""


def service_name(name: str) -> str:
    """The nearest name that Kubernetes accepts for a service."""
    label = dns_label(name)
    if not label:
        return "model"
    if not label[0].isalpha():
        label = f"model-{label}"
    return label[:_MOST_CHARACTERS].rstrip("-")


def variable_name(name: str) -> str:
    """The nearest name that bash accepts for a variable."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not plain or plain[0].isdigit():
        plain = f"_{plain}"
    return plain


def dns_label(text: str) -> str:
    """A text in lower case, with `-` in place of all characters that a name in DNS must not have."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def path_below(text: str) -> str:
    """A path below a directory, without `/` at its ends, `//`, `.` and `..`; empty for the directory itself."""
    steps = posixpath.normpath(text).split("/")
    return "/".join(step for step in steps if step not in ("", ".", ".."))
