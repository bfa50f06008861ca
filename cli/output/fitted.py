"""Tables that fit the width of the terminal. No value is cut off: long texts wrap, and wide rows are stacked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from textwrap import wrap

from cli.output.table import Row, columns

_LEAST_COLUMNS = 40
"""Columns that a text needs to stand in the last column; with fewer, it stands below its row."""

_INDENT = "    "


def terminal_width() -> int:
    """Columns of the terminal: `COLUMNS`, or its real width; 80 for a pipe or a file."""
    return shutil.get_terminal_size().columns


def with_texts(
    header: Row, rows: Sequence[Row], texts: Sequence[str], width: int
) -> Iterator[str]:
    """A table with a text at the end of each row.

    Args:
        header: The titles of the columns, and of the text.
        rows: The cells of each row, without the text.
        texts: The text of each row; it may be empty.
        width: The longest line.
    """
    titles = header[:-1]
    lines = list(columns([titles, *rows]))
    table_width = _width([titles, *rows])
    if table_width > width:
        yield from _stacked(header, rows, texts, width)
        return

    room = width - table_width - 2
    if not any(texts):
        yield from lines
        return
    if room < _LEAST_COLUMNS:
        yield lines[0]
        for line, text in zip(lines[1:], texts, strict=True):
            yield line
            yield from _indented(text, width)
        return
    yield f"{lines[0].ljust(table_width)}  {header[-1]}"
    for line, text in zip(lines[1:], texts, strict=True):
        yield from _beside(line, text, table_width, room)


def _width(rows: Sequence[Row]) -> int:
    """The width of a table with all its columns filled up."""
    cells = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    gaps = 2 * (len(cells) - 1)
    return sum(cells) + gaps


def _beside(line: str, text: str, table_width: int, room: int) -> Iterator[str]:
    first, *others = _wrapped(text, room) or [""]
    yield f"{line.ljust(table_width)}  {first}".rstrip()
    for other in others:
        yield " " * (table_width + 2) + other


def _indented(text: str, width: int) -> Iterator[str]:
    for line in _wrapped(text, width - len(_INDENT)):
        yield _INDENT + line


def _stacked(
    header: Row, rows: Sequence[Row], texts: Sequence[str], width: int
) -> Iterator[str]:
    """Each row as lines `TITLE  value` below its first cell."""
    title_width = max(len(title) for title in header)
    room = max(width - len(_INDENT) - title_width - 2, 1)
    for row, text in zip(rows, texts, strict=True):
        yield row[0]
        for title, cell in zip(header[1:], (*row[1:], text), strict=True):
            for number, line in enumerate(_wrapped(cell, room)):
                label = title if number == 0 else ""
                yield f"{_INDENT}{label.ljust(title_width)}  {line}"


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text. A word that is longer than a line stays whole: it may be a path to copy."""
    return wrap(text, width, break_long_words=False, break_on_hyphens=False)
