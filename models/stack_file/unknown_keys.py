"""Keys that the stack file does not have, and the known keys that they resemble."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from models.engines.flags import plain_name
from models.finding import Finding, Mark


def unknown_key(where: Mark, name: str, known: Mapping[str, Any], meant: str = "") -> Finding:
    """A key that the stack file does not have.

    Args:
        where: Where the key is.
        name: The key.
        known: The keys that are known there.
        meant: The text whose nearest known key is suggested; the key itself when it is empty.
    """
    near = nearest(meant or name, known)
    fix = f"write {near}" if near else f"remove it; known here: {', '.join(known)}"
    why = "a key that nothing reads is a mistake"
    return Finding("unknown-key", "error", f"unknown key {name!r}", why, fix, (where,))


def nearest(name: str, known: Mapping[str, Any]) -> str | None:
    """The known key that a name probably means. Upper case, `-` and `_` do not count."""
    plain = {plain_name(key): key for key in known}
    close = get_close_matches(plain_name(name), plain, n=1, cutoff=0.7)
    return plain[close[0]] if close else None
