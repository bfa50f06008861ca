"""Decides the tests of a script whose values are known, such as those that ask for the pod of a group."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from convert.placeholder import PLACEHOLDER
from convert.shell.control_flow import Case, Guard, Test, literal
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
    result = result_of_test(guard.test, environment)
    if result is None:
        return None
    return result == guard.expected


def is_taken(case: Case, environment: ShellEnvironment) -> bool | None:
    """Whether a branch of a `case` runs; None if only the running script knows it."""
    text = environment.text(case.subject)
    patterns = [environment.text(word) for word in (*case.earlier, *case.patterns)]
    if any(PLACEHOLDER.search(part) for part in (text, *patterns)):
        return None
    matches = [fnmatchcase(text, pattern) for pattern in patterns]
    before = len(case.earlier)
    return any(matches[before:]) and not any(matches[:before])


def result_of_test(test: Test, environment: ShellEnvironment) -> bool | None:
    """The result of a test; None if only the running script knows it."""
    if len(test.commands) != 1:
        return None
    words = test.commands[0].words
    program = literal(words[0])
    if program == "((":
        number = environment.number(literal(words[1]))
        return None if number is None else bool(number) != test.is_negated
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
