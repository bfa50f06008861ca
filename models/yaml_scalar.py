"""Plain YAML scalars as Pulumi reads them, and values in one line of YAML.

Pulumi parses stack files with Go's yaml.v3 and passes JSON to the program: `0644` is 420, `1.0` is 1, `yes` is a text,
and a date becomes a long text. `check` and `convert` read the same file without Pulumi and must read the same values.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Scalar = str | int | float | bool | None

_NAMED: dict[str, Scalar] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGERS = (
    (re.compile(r"[-+]?0[xX]([0-9a-fA-F]+)"), 16),
    (re.compile(r"[-+]?0[oO]([0-7]+)"), 8),
    (re.compile(r"[-+]?0[bB]([01]+)"), 2),
    (re.compile(r"[-+]?0([0-7]+)"), 8),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), 10),
)
_PLAIN = re.compile(r"[\w./@][\w./@:-]*(?<!:)")
"""Texts that need no quotes in flow style, unless they are read as another type."""

_FLOAT = re.compile(r"[-+]?(\.[0-9]+(_[0-9]+)*|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TIME = re.compile(
    r"(?P<date>\d{4}-\d{1,2}-\d{1,2})"
    r"((?P<separator>[Tt ])(?P<hour>\d{1,2}):(?P<minute>\d{1,2}):(?P<second>\d{1,2})([.,](?P<fraction>\d+))?"
    r"(?P<zone>Z|[-+]\d{2}:\d{2})?)?",
    re.ASCII,
)
_LONGEST_INTEGER = 20
"""Decimal digits of the largest integer of 64 bits."""

TRUTHS = {
    "yes": "true",
    "on": "true",
    "y": "true",
    "no": "false",
    "off": "false",
    "n": "false",
}
"""Words that YAML 1.1 reads as true or false, and YAML 1.2 as text."""


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar without a tag."""
    if text in _NAMED:
        return _NAMED[text]
    if not text[0].isascii() or text[0] not in "+-.0123456789":
        return text
    if (time := timestamp(text)) is not None:
        return time
    number = text if text.startswith(".") else text.replace("_", "")
    integer = as_integer(number)
    if integer is not None:
        return integer
    return (
        as_json_number(float(number))
        if _FLOAT.fullmatch(number) and math.isfinite(float(number))
        else text
    )


def as_integer(text: str) -> int | float | None:
    """The integer that a text writes in base 10, 16, 8 or 2; above 63 bits JSON has only its nearest float."""
    for pattern, base in _INTEGERS:
        if match := pattern.fullmatch(text):
            if base == 10 and len(match[1]) > _LONGEST_INTEGER:
                return None
            value = int(match[1], base) * (-1 if text.startswith("-") else 1)
            if 2**63 <= value < 2**64:
                return as_json_number(float(value))
            return value if -(2**63) <= value < 2**63 else None
    return None


def as_json_number(value: float) -> int | float:
    """A float after its way through JSON: without a fraction it is an integer."""
    return (
        int(Decimal(repr(value)))
        if math.isfinite(value) and value.is_integer() and abs(value) < 1e21
        else value
    )


def timestamp(text: str) -> str | None:
    """The text that the engine makes of a date or a time, or None for anything else."""
    match = _TIME.fullmatch(text)
    if not match or ((match["separator"] or " ") == " ") == bool(match["zone"]):
        return None
    year, month, day = map(int, match["date"].split("-"))
    try:
        hour, minute, second = (
            int(match[part] or 0) for part in ("hour", "minute", "second")
        )
        time = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    digits = (match["fraction"] or "")[:9].rstrip("0")
    zone = (match["zone"] or "Z").replace(":", "")
    offset = "+0000 UTC" if zone in ("Z", "+0000", "-0000") else f"{zone} {zone}"
    return f"{time.isoformat(' ')[:19]}{'.' if digits else ''}{digits} {offset}"


def as_yaml(value: Any) -> str:
    """A value in one line of YAML, with quotes only where a text needs them."""
    if isinstance(value, dict):
        entries = [f"{as_yaml(key)}: {as_yaml(item)}" for key, item in value.items()]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        items = [as_yaml(item) for item in value]
        return "[" + ", ".join(items) + "]"
    if (
        isinstance(value, str)
        and _PLAIN.fullmatch(value)
        and plain_scalar(value) == value
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
