"""Keys that the stack file does not have, and the known keys that they resemble."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic.fields import FieldInfo

from models.credentials import is_hidden
from models.engines.flags import plain_name
from models.finding import Finding, Mark
from models.stack_file.errors.messages import SYNONYMS, WHY_UNKNOWN
from models.stack_file.errors.place import in_one_line
from models.stack_file.errors.value_edits import value_edit
from models.yaml_scalar import as_yaml

_MOST_KNOWN = 500
"""Keys among which the nearest one is searched for. A release has about 300 flags."""


def unknown_key(
    where: Mark,
    name: str,
    known: Mapping[str, Any],
    refused: Any = None,
    *,
    meant: str = "",
) -> Finding:
    """A key that the stack file does not have.

    Args:
        where: Where the key is.
        name: The key.
        known: The keys that are known there.
        refused: The value of the key.
        meant: The text whose nearest known key is suggested; the key itself when it is empty.
    """
    near = nearest(meant or name, known)
    shown = in_one_line(name)
    if near is None:
        fix = f"remove {shown} (known keys: {', '.join(known)})"
    elif (
        refused is None
        or isinstance(refused, dict | list)
        or is_hidden(where.path, str(refused))
    ):
        fix = f"rename {shown} to {near}"
    elif isinstance(known[near], FieldInfo):
        fix = value_edit(near, known[near], refused)
        if fix == f"remove {near}":
            fix = f"remove {shown}"
    else:
        fix = f"write {near}: {as_yaml(refused)}"
    return Finding(
        "unknown-key", "error", f"unknown key {name!r}", WHY_UNKNOWN, fix, (where,)
    )


def nearest(name: str, known: Mapping[str, Any], likeness: float = 0.7) -> str | None:
    """The known key that a name probably means. Upper case, `-` and `_` do not count.

    Among very many keys, none is searched for, because each comparison takes time.

    Args:
        name: The name.
        known: The known keys.
        likeness: From 0 to 1, how much the key must resemble the name.
    """
    if len(known) > _MOST_KNOWN:
        return None
    synonym = SYNONYMS.get(plain_name(name))
    if synonym in known:
        return synonym
    plain = {plain_name(key): key for key in known}
    close = get_close_matches(plain_name(name), plain, n=1, cutoff=likeness)
    return plain[close[0]] if close else None
