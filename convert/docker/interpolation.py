"""Replaces variables in the values of a Compose file, as Compose does it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_DOLLAR = re.compile(r"\$(?:(?P<dollar>\$)|(?P<name>\w+)|\{(?P<braced>\w+))")
_OPERATOR = re.compile(r":?[-+?]")


def filled(text: str, set_values: Mapping[str, str]) -> str:
    """The text with its variables replaced; one without a value stays a placeholder.

    Args:
        text: A value of the file, such as `${MODEL:-${DIR}/qwen}`.
        set_values: The values by name.
    """
    parts = []
    position = 0
    while True:
        found = _DOLLAR.search(text, position)
        if found is None:
            parts.append(text[position:])
            return "".join(parts)
        parts.append(text[position : found.start()])
        position = found.end()
        if found["dollar"]:
            parts.append("$")
        elif found["name"]:
            parts.append(_value(found["name"], set_values))
        else:
            end = _end_of_braces(text, position)
            parts.append(_braced(found["braced"], text[position:end], set_values))
            position = end + 1


def _braced(name: str, rest: str, set_values: Mapping[str, str]) -> str:
    """The value of `${NAMErest}`: a default after `-`, an alternative after `+`, an error message after `?`."""
    operator = _OPERATOR.match(rest)
    if operator is None:
        return _value(name, set_values)
    operand = rest[operator.end() :]
    sign = operator[0][-1]
    is_set = name in set_values
    if sign == "+":
        return filled(operand, set_values) if is_set else ""
    if sign == "-" and not is_set:
        return filled(operand, set_values)
    return _value(name, set_values)


def _value(name: str, set_values: Mapping[str, str]) -> str:
    return set_values.get(name, f"${{{name}}}")


def _end_of_braces(text: str, start: int) -> int:
    """The position of the brace that closes `${`, whose content begins at a position."""
    depth = 1
    for position in range(start, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
        if depth == 0:
            return position
    return len(text)
