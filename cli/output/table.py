"""Tables of text: cells of a column stand below each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cli.output.terminal import paragraph
from models.words import display_width

Row = tuple[str, ...]


def columns(rows: Iterable[Row]) -> Iterator[str]:
    """One line for each row, without spaces at its end."""
    table = list(rows)
    widths = _widths(table)
    for row in table:
        cells = []
        for cell, width in zip(row, widths, strict=True):
            padding = " " * (width - display_width(cell))
            cells.append(f"{cell}{padding}")
        line = "  ".join(cells)
        yield line.rstrip()


def columns_with_text(rows: Iterable[Row]) -> Iterator[str]:
    """Columns whose last one is text, which continues below itself where the terminal is too narrow."""
    *heads, texts = zip(*rows, strict=True)
    padded = [""] * len(texts)
    for column in heads:
        width = max(display_width(cell) for cell in column)
        for index, cell in enumerate(column):
            padding = " " * (width - display_width(cell))
            padded[index] += f"{cell}{padding}  "
    for head, text in zip(padded, texts, strict=True):
        yield from paragraph(head, text)


def right_aligned(rows: Iterable[Row]) -> Iterator[str]:
    """One line for each row, for numbers."""
    table = list(rows)
    widths = _widths(table)
    for row in table:
        cells = []
        for cell, width in zip(row, widths, strict=True):
            cells.append(cell.rjust(width))
        yield "  ".join(cells)


def _widths(rows: Sequence[Row]) -> list[int]:
    """The width of each column."""
    widths = []
    for column in zip(*rows, strict=True):
        lengths = [display_width(cell) for cell in column]
        widths.append(max(lengths))
    return widths
