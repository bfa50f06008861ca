"""Decides the tests of a script that ask which pod of a group it runs in."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from convert.placeholder import PLACEHOLDER
from convert.shell.control_flow import Guard, Test, literal
from convert.shell.environment import ShellEnvironment

_CLOSING = {"[": "]", "[[": "]]"}
_OF_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-gt": operator.gt,
    "-ge": operator.ge,
    "-lt": operator.lt,
    "-le": operator.le,
}


def is_met(guard: Guard, environment: ShellEnvironment) -> bool | None:
    """Whether a test has the result with which a command runs; None if only the running script knows it."""
    result = _result(guard.test, environment)
    if result is None:
        return None
    return result == guard.expected


def _result(test: Test, environment: ShellEnvironment) -> bool | None:
    if len(test.commands) != 1:
        return None
    words = test.commands[0].words
    program = literal(words[0])
    texts = [environment.text(word) for word in words[1:]]
    if program in _CLOSING and texts and texts[-1] == _CLOSING[program]:
        del texts[-1]
    elif program != "test":
        return None
    is_negated = test.is_negated
    while texts and texts[0] == "!":
        is_negated = not is_negated
        del texts[0]
    if any(PLACEHOLDER.search(text) for text in texts):
        return None
    result = _comparison(texts, is_pattern=program == "[[")
    if result is None:
        return None
    return result != is_negated


def _comparison(texts: Sequence[str], *, is_pattern: bool) -> bool | None:
    """The result of `-z TEXT`, `-n TEXT`, `A = B`, `A -eq B` and the like; None for any other test."""
    if len(texts) == 2:
        sign, text = texts
        if sign in ("-z", "-n"):
            return bool(text) == (sign == "-n")
        return None
    if len(texts) != 3:
        return None
    left, sign, right = texts
    if sign in ("=", "==", "!="):
        is_equal = fnmatchcase(left, right) if is_pattern else left == right
        return is_equal == (sign != "!=")
    if sign in _OF_NUMBERS and left.isdecimal() and right.isdecimal():
        return _OF_NUMBERS[sign](int(left), int(right))
    return None
