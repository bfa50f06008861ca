"""Structured values as text in one line, without credentials."""

from __future__ import annotations

import json
from typing import Any

from models.credentials import masked_tree


def value_pair_texts(
    old: Any, new: Any, name: str = ""
) -> tuple[str | None, str | None]:
    """The old and the new value of a change as text. If only a credential changed, the new text reports it.

    Args:
        old: The old value, or None.
        new: The new value, or None.
        name: Name of the value. It may show that the value is a credential.
    """
    old_text = _optional_text(old, name)
    new_text = _optional_text(new, name)
    if old_text == new_text and old != new:
        new_text = f"{new_text} (a credential changed)"
    return old_text, new_text


def value_text(value: Any, name: str = "") -> str:
    """A value as one line of YAML, without quotes and without credentials."""
    return _flow_style(masked_tree(value, name))


def _optional_text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    return value_text(value, name)


def _flow_style(value: Any) -> str:
    if isinstance(value, dict):
        items = [f"{key}: {_flow_style(item)}" for key, item in value.items()]
        content = ", ".join(items)
        return f"{{{content}}}"
    if isinstance(value, list):
        items = [_flow_style(item) for item in value]
        content = ", ".join(items)
        return f"[{content}]"
    if isinstance(value, str):
        return value
    return json.dumps(value)
