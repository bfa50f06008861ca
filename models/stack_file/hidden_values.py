"""Stars in the place of hidden values, in the lines of a file that findings show."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

import yaml

from models.credentials import stars

Columns = tuple[int, int]


def hide_values(
    lines: list[str], hidden: Iterable[yaml.Node], shown: Sequence[int]
) -> None:
    """Replace hidden values by stars.

    Args:
        lines: The lines of the file, which are changed.
        hidden: The nodes of the values. One can have very many lines.
        shown: The numbers of the lines that are shown, sorted. Other lines stay as they are.
    """
    for number, columns in _hidden_columns(lines, hidden, shown).items():
        lines[number] = _with_stars(lines[number], columns)


def _hidden_columns(
    lines: Sequence[str], hidden: Iterable[yaml.Node], shown: Sequence[int]
) -> dict[int, list[Columns]]:
    """The columns of the hidden values in each line that is shown."""
    columns: dict[int, list[Columns]] = {}
    for node in hidden:
        start, end = node.start_mark, node.end_mark
        last_line = min(end.line, len(lines) - 1)
        first_shown = bisect_left(shown, start.line)
        end_shown = bisect_right(shown, last_line)
        for number in shown[first_shown:end_shown]:
            first = start.column if number == start.line else 0
            last = end.column if number == end.line else len(lines[number])
            columns.setdefault(number, []).append((first, last))
    return columns


def _with_stars(line: str, columns: Iterable[Columns]) -> str:
    """A line with stars in some of its columns."""
    parts = []
    position = 0
    for first, last in sorted(set(columns)):
        start = max(first, position)
        parts += [line[position:start], stars(line[start:last])]
        position = max(last, position)
    return "".join([*parts, line[position:]])
