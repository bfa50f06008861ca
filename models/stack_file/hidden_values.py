"""Replaces the values that a finding must not show by stars, in the lines of the file that it shows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import yaml

from models.credentials import stars

Columns = tuple[int, int]
"""The first column of a value in a line, and the column after its last one."""


def hide_values(
    lines: list[str], hidden: Iterable[yaml.Node], shown: Sequence[int]
) -> None:
    """Replace hidden values by stars.

    Args:
        lines: The lines of the file, which are changed.
        hidden: The nodes of the values. One can have very many lines.
        shown: The numbers of the lines that are shown, sorted. Other lines stay unchanged.
    """
    hidden_columns = _hidden_columns(lines, hidden, shown)
    for number, columns in hidden_columns.items():
        lines[number] = _with_stars(lines[number], columns)


def _hidden_columns(
    lines: Sequence[str], hidden: Iterable[yaml.Node], shown: Sequence[int]
) -> Mapping[int, set[Columns]]:
    """The columns of the hidden values, by the number of the shown line."""
    hidden_columns: defaultdict[int, set[Columns]] = defaultdict(set)
    for node in hidden:
        for number in _shown_lines(node, shown, len(lines)):
            columns = _columns_in_line(node, number, lines[number])
            hidden_columns[number].add(columns)
    return hidden_columns


def _shown_lines(
    node: yaml.Node, shown: Sequence[int], line_count: int
) -> Sequence[int]:
    """The shown lines in which a value stands. It may end after the last line of the file."""
    first_line = node.start_mark.line
    last_line = min(node.end_mark.line, line_count - 1)
    start = bisect_left(shown, first_line)
    end = bisect_right(shown, last_line)
    return shown[start:end]


def _columns_in_line(node: yaml.Node, number: int, line: str) -> Columns:
    """The columns of a value in one of its lines."""
    first = 0
    if number == node.start_mark.line:
        first = node.start_mark.column
    end = len(line)
    if number == node.end_mark.line:
        end = node.end_mark.column
    return first, end


def _with_stars(line: str, hidden: Iterable[Columns]) -> str:
    """The line with stars in the hidden columns, which may overlap."""
    parts = []
    position = 0
    for first, end in sorted(hidden):
        start = max(first, position)
        parts.append(line[position:start])
        parts.append(stars(line[start:end]))
        position = max(end, position)
    parts.append(line[position:])
    return "".join(parts)
