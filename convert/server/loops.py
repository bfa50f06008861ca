"""How often the commands of a loop are read, and with which values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convert.note import Place
from convert.placeholder import PLACEHOLDER
from convert.server.rank_tests import result_of_test
from convert.shell.control_flow import Loop, Step, Test, literal
from convert.shell.environment import Assigned, ShellEnvironment
from convert.shell.words import Variable

_MOST_TURNS = 100
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_ARGUMENTS = ("@", "*", "#")


def steps_of_loop(steps: Sequence[Step], loop: Loop, depth: int) -> list[Step]:
    """The steps at the beginning of a list that belong to a loop.

    Args:
        steps: The steps.
        loop: The loop.
        depth: The place of the loop among the loops of each step.
    """
    body = []
    for step in steps:
        if step.loops[depth : depth + 1] != (loop,):
            break
        body.append(step)
    return body


def turns(
    loop: Loop,
    environment: ShellEnvironment,
    file: str,
) -> Iterator[Assigned | None]:
    """The turns of a loop, each with the variable that it sets.

    A loop whose items or whose end only the running script knows has one turn.
    """
    if loop.keyword in ("for", "select"):
        yield from _turns_of_items(loop, environment, file)
    elif not _asks_for_arguments(loop.test):
        yield None
    else:
        for _ in range(_MOST_TURNS):
            if not _continues(loop, environment):
                return
            yield None


def _turns_of_items(
    loop: Loop,
    environment: ShellEnvironment,
    file: str,
) -> Iterator[Assigned | None]:
    if not loop.head or literal(loop.head[0]) == "((":
        yield None
        return
    name, *others = loop.head
    items = environment.arguments()
    if others:
        items = [argument.text for argument in environment.expanded(others[1:])]
    if any(PLACEHOLDER.search(item) for item in items):
        yield None
        return
    parts: list[str] = []
    for item in items:
        parts += _parts(item)
    for part in parts[:_MOST_TURNS]:
        yield Assigned(literal(name), part, Place(file, name.line))


def _parts(item: str) -> list[str]:
    """The numbers of `{0..3}`, or the item itself."""
    found = _RANGE.fullmatch(item)
    if not found:
        return [item]
    first, last = int(found[1]), int(found[2])
    return [str(number) for number in range(first, min(last, first + _MOST_TURNS) + 1)]


def _asks_for_arguments(test: Test) -> bool:
    """Whether the test of a loop depends on the arguments of the script."""
    for command in test.commands:
        if literal(command.words[0]) == "getopts":
            return True
        for word in command.words:
            names = [piece.name for piece in word.pieces if isinstance(piece, Variable)]
            is_argument = [name in _ARGUMENTS or name.isdecimal() for name in names]
            if any(is_argument) or "$#" in literal(word):
                return True
    return False


def _continues(loop: Loop, environment: ShellEnvironment) -> bool:
    """Whether a loop over the arguments has another turn."""
    result = result_of_test(loop.test, environment)
    return result is not None and result == (loop.keyword == "while")
