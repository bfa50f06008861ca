"""Keep what looks like a secret out of what is told of a change."""

from __future__ import annotations

import re
from typing import Any

from models.credentials import HIDDEN, is_credential

_SECRET = re.compile(r"(?i)(token$|passw|secret|credential|(api|access)[_-]?key)")
_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
_NAMED = r"[\w-]*(?:api[_-]?key|access[_-]?key|token|passw\w*|secret)"
_IN_TEXT = re.compile(rf"(?i)(--{_NAMED}(?:=|\s+)|(?<![\w-]){_NAMED}=)([^\s'\"]+)")
_REFERENCES = ("name", "secretName", "key")
_FLAG = re.compile(r"--[\w-]+")


def hidden(name: str, value: str | None) -> str | None:
    """A value by its name, without what looks like a secret."""
    secret = value and (_SECRET.search(name) or is_credential(name, value))
    return value and (HIDDEN if secret else _PASSWORD.sub(rf"\g<1>{HIDDEN}", value))


def without_secrets(value: Any, name: str = "") -> Any:
    """A part of an object without what looks like a secret: variables, keys and flags by their names.

    References to Secrets are names, and stay.

    Args:
        value: What JSON has of it.
        name: The key that it stands under.
    """
    if isinstance(value, dict):
        called = str(value.get("name") or "")
        return {
            key: hidden(called, one) if key == "value" and isinstance(one, str) else without_secrets(one, key)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [
            HIDDEN if isinstance(one, str) and _is_secret_flag(before) else without_secrets(one)
            for before, one in zip([None, *value], value, strict=False)
        ]
    if not isinstance(value, str) or name in _REFERENCES:
        return value
    return hidden(name, _IN_TEXT.sub(rf"\g<1>{HIDDEN}", value))


def _is_secret_flag(word: Any) -> bool:
    return isinstance(word, str) and bool(_FLAG.fullmatch(word) and _SECRET.search(word))
