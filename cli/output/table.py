"""Tables of text: cells of a column stand below each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """One line for each row, without spaces at its end."""
    table = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def right_aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """One line for each row, for numbers."""
    table = list(rows)
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells)
