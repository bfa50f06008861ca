"""Plain YAML scalars as Pulumi reads them, and values in one line of YAML.

Pulumi parses stack files with Go's yaml.v3 and passes JSON to the program: `0644` is 420, `1.0` is 1, `yes` is a text,
and a date becomes a long text. `check` and `convert` read the same file without Pulumi and must read the same values.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
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
_FIRST_OF_NUMBER = "+-.0123456789"
"""Characters with which a number or a date begins."""

_LEAST_WITH_EXPONENT = 1e21
"""The least number that JSON has only with an exponent."""

_DIGITS_OF_SECOND = 9
"""Digits of the fraction of a second that Go prints."""

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
    if text[0] not in _FIRST_OF_NUMBER:
        return text
    time = timestamp(text)
    if time is not None:
        return time
    number = text
    if not text.startswith("."):
        number = text.replace("_", "")
    integer = as_integer(number)
    if integer is not None:
        return integer
    if _FLOAT.fullmatch(number) and math.isfinite(float(number)):
        return as_json_number(float(number))
    return text


def meant_scalars(text: str) -> Iterator[Scalar]:
    """The values that a user may mean by a text: a number, or the truth value of a word such as `on`."""
    stripped = text.strip()
    yield plain_scalar(stripped)
    truth = TRUTHS.get(stripped.lower())
    if truth:
        yield truth == "true"


def as_integer(text: str) -> int | float | None:
    """The integer that a text writes in base 10, 16, 8 or 2. Above 63 bits, JSON has only its nearest float."""
    for pattern, base in _INTEGERS:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        digits = match[1]
        if base == 10 and len(digits) > _LONGEST_INTEGER:
            return None
        value = int(digits, base)
        if text.startswith("-"):
            value = -value
        return _as_integer_of_json(value)
    return None


def _as_integer_of_json(value: int) -> int | float | None:
    """An integer as JSON has it; None if it has more than 64 bits."""
    if -(2**63) <= value < 2**63:
        return value
    if 2**63 <= value < 2**64:
        return as_json_number(float(value))
    return None


def as_json_number(value: float) -> int | float:
    """A float after its way through JSON: without a fraction it is an integer."""
    if not math.isfinite(value) or abs(value) >= _LEAST_WITH_EXPONENT:
        return value
    if value.is_integer():
        return int(Decimal(repr(value)))
    return value


def timestamp(text: str) -> str | None:
    """The text that Pulumi makes of a date or a time: `2026-05-01 00:00:00 +0000 UTC`. None for another text."""
    match = _TIME.fullmatch(text)
    if match is None or not _has_form_of_time(match):
        return None
    year, month, day = match["date"].split("-")
    try:
        time = datetime(
            year=int(year),
            month=int(month),
            day=int(day),
            hour=int(match["hour"] or 0),
            minute=int(match["minute"] or 0),
            second=int(match["second"] or 0),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    seconds = time.isoformat(" ").removesuffix("+00:00")
    digits = (match["fraction"] or "")[:_DIGITS_OF_SECOND].rstrip("0")
    if digits:
        seconds = f"{seconds}.{digits}"
    return f"{seconds} {_offset(match['zone'] or 'Z')}"


def _has_form_of_time(match: re.Match[str]) -> bool:
    """Whether a date has the form that Go's yaml.v3 reads: with `T` and a zone, or with neither."""
    has_letter = (match["separator"] or " ") != " "
    has_zone = match["zone"] is not None
    return has_letter == has_zone


def _offset(zone: str) -> str:
    """A time zone as Go prints it."""
    offset = zone.replace(":", "")
    if offset in ("Z", "+0000", "-0000"):
        return "+0000 UTC"
    return f"{offset} {offset}"


def as_yaml(value: Any) -> str:
    """A value in one line of YAML, with quotes only where a text needs them."""
    if isinstance(value, dict):
        entries = [f"{as_yaml(key)}: {as_yaml(item)}" for key, item in value.items()]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        items = [as_yaml(item) for item in value]
        return "[" + ", ".join(items) + "]"
    if isinstance(value, str) and _needs_no_quotes(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _needs_no_quotes(text: str) -> bool:
    """Whether YAML reads a text without quotes as the same text."""
    return _PLAIN.fullmatch(text) is not None and plain_scalar(text) == text
