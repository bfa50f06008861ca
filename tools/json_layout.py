"""JSON with one entry a line, so that a table can be read and compared line by line."""

from __future__ import annotations

import json
from typing import Any

_LONG = 120
"""Characters of an entry that stays on one line whatever it contains."""


def dumps(table: dict[str, Any]) -> str:
    """The text of a table: its keys on lines of their own, the entries below them one a line."""
    return _block(table, indent="") + "\n"


def _text(value: Any, indent: str) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= _LONG or not _has_entries(value):
        return line
    return _block(value, indent)


def _has_entries(value: Any) -> bool:
    """Whether the items of a value are entries, which are easier to read one a line."""
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    if not isinstance(value, dict):
        return False
    has_mapping = any(isinstance(item, dict) for item in value.values())
    return has_mapping or all(isinstance(item, list) for item in value.values())


def _block(value: Any, indent: str) -> str:
    deeper = indent + " "
    if isinstance(value, list):
        items = [deeper + json.dumps(item, ensure_ascii=False) for item in value]
        opening, closing = "[", "]"
    else:
        items = []
        for key, item in value.items():
            name = json.dumps(key, ensure_ascii=False)
            items.append(f"{deeper}{name}: {_text(item, deeper)}")
        opening, closing = "{", "}"
    body = ",\n".join(items)
    return f"{opening}\n{body}\n{indent}{closing}"
