"""What happens to the value of a variable in `${NAME…}`: a part of it is removed, replaced or cut out."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_SLICE = re.compile(r":\s*(\d+)(?::\s*(\d+))?")
_OF_PATTERNS = "*?[\\$"


def result_of(value: str, operation: str) -> str | None:
    """The value after an operation; None for one that is not known.

    Args:
        value: The value of the variable.
        operation: The text after its name: `##*/`, `%.*`, `//a/b`, `,,`, `^^`, `:0:3`.
    """
    if operation in (",,", "^^"):
        return value.lower() if operation == ",," else value.upper()
    found = _SLICE.fullmatch(operation)
    if found:
        start = int(found[1])
        end = start + int(found[2]) if found[2] else len(value)
        return value[start:end]
    if operation.startswith("#"):
        return _without_beginning(value, operation)
    if operation.startswith("%"):
        return _without_end(value, operation)
    if operation.startswith("/"):
        return _replaced(value, operation)
    return None


def _without_beginning(value: str, operation: str) -> str:
    pattern = operation.lstrip("#")
    lengths = range(len(value) + 1)
    if operation.startswith("##"):
        lengths = range(len(value), -1, -1)
    for length in lengths:
        if fnmatchcase(value[:length], pattern):
            return value[length:]
    return value


def _without_end(value: str, operation: str) -> str:
    pattern = operation.lstrip("%")
    starts = range(len(value), -1, -1)
    if operation.startswith("%%"):
        starts = range(len(value) + 1)
    for start in starts:
        if fnmatchcase(value[start:], pattern):
            return value[:start]
    return value


def _replaced(value: str, operation: str) -> str | None:
    """The value of `${NAME/old/new}` and `${NAME//old/new}`, if `old` is no pattern."""
    count = -1 if operation.startswith("//") else 1
    old, _, new = operation.lstrip("/").partition("/")
    if not old or any(sign in old + new for sign in _OF_PATTERNS):
        return None
    return value.replace(old, new, count)
