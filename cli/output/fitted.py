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
    table_width = max(len(line) for line in lines)
    room = width - table_width - 2
    if table_width > width:
        return _stacked(header, rows, texts, width)
    if not any(texts):
        return iter(lines)
    if room < _LEAST_COLUMNS:
        return _below(lines, texts, width)
    return _beside(lines, (header[-1], *texts), table_width, room)


def _beside(
    lines: Sequence[str], texts: Sequence[str], table_width: int, room: int
) -> Iterator[str]:
    """Each text in a last column."""
    for line, text in zip(lines, texts, strict=True):
        row = line
        for part in _wrapped(text, room) or [""]:
            yield f"{row.ljust(table_width)}  {part}".rstrip()
            row = ""


def _below(lines: Sequence[str], texts: Sequence[str], width: int) -> Iterator[str]:
    """Each text below its row."""
    titles, *rows = lines
    yield titles
    for row, text in zip(rows, texts, strict=True):
        yield row
        for part in _wrapped(text, width - len(_INDENT)):
            yield _INDENT + part


def _stacked(
    header: Row, rows: Sequence[Row], texts: Sequence[str], width: int
) -> Iterator[str]:
    """Each row as lines `TITLE  value` below its first cell."""
    title_width = max(len(title) for title in header)
    room = max(width - len(_INDENT) - title_width - 2, 1)
    for row, text in zip(rows, texts, strict=True):
        name, *cells = row
        yield name
        for title, cell in zip(header[1:], (*cells, text), strict=True):
            label = title
            for part in _wrapped(cell, room):
                yield f"{_INDENT}{label.ljust(title_width)}  {part}"
                label = ""


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text. A word that is longer than a line stays whole: it may be a path to copy."""
    return wrap(text, width, break_long_words=False, break_on_hyphens=False)
