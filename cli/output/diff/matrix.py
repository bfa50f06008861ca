"""Services × environments as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from cli.output.diff import DiffFormat
from cli.output.table import columns
from cli.output.terminal import fits, paragraph, series
from models.service.resolved import ResolvedStack
from models.words import counted, display_width
from review.matrix import Cell, Matrix, matrix

VERSION = 1
"""Of the JSON, see docs/reference/diff-json.md; raised when a key changes its meaning or is removed."""


def render_matrix(stacks: Sequence[ResolvedStack], form: DiffFormat) -> str:
    """The table as text, JSON or Markdown."""
    table = matrix(stacks)
    if form is DiffFormat.JSON:
        return _json(table)
    if form is DiffFormat.MARKDOWN:
        return _markdown(table)
    lines = list(columns(_rows(table)))
    if not all(fits(line) for line in lines):
        lines = list(_stacked(table))
    for note in _notes(table):
        lines += paragraph("", note)
    return "\n".join(lines)


def _stacked(table: Matrix) -> Iterator[str]:
    """Each service with one line for each environment, where the table is wider than the terminal."""
    width = max(display_width(environment) for environment in table.environments)
    for name, cells in table.rows.items():
        yield name
        for environment, cell in zip(table.environments, cells, strict=True):
            padding = " " * (width - display_width(environment))
            yield from series(f"  {environment}{padding}  ", _cell_parts(cell))


def _rows(table: Matrix) -> Iterator[tuple[str, ...]]:
    yield "", *table.environments
    for name, cells in table.rows.items():
        texts = [_cell_text(cell) for cell in cells]
        yield name, *texts


def _cell_text(cell: Cell | None) -> str:
    return " · ".join(_cell_parts(cell))


def _cell_parts(cell: Cell | None) -> list[str]:
    if cell is None:
        return ["-"]
    npus = counted(cell.npus, "NPU")
    parts = [
        cell.tag,
        f"{npus} × {cell.replicas}",
        f"{cell.max_model_len} tokens",
    ]
    for name, value in cell.features.items():
        parts.append(f"{name}: {value}")
    return parts


def _markdown(table: Matrix) -> str:
    head, *rows = _rows(table)
    separator = " --- |" * len(head)
    lines = [_markdown_row(head), f"|{separator}"]
    for row in rows:
        lines.append(_markdown_row(row))
    for note in _notes(table):
        lines.append(f"\n{note}")
    return "\n".join(lines)


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    row = " | ".join(escaped)
    return f"| {row} |"


def _notes(table: Matrix) -> Iterator[str]:
    for index, environment in enumerate(table.environments):
        missing = [name for name, cells in table.rows.items() if cells[index] is None]
        if missing:
            names = ", ".join(missing)
            yield f"{environment} lacks {names}"
    for environment, broken in table.unread.items():
        names = ", ".join(broken)
        yield f"not shown of {environment} until their schema errors are fixed: {names}"


def _json(table: Matrix) -> str:
    services = []
    for name, cells in table.rows.items():
        environments = {}
        for environment, cell in zip(table.environments, cells, strict=True):
            environments[environment] = cell and _cell(cell)
        services.append({"name": name, "environments": environments})
    document = {
        "version": VERSION,
        "environments": list(table.environments),
        "services": services,
        "notShown": {
            environment: list(broken) for environment, broken in table.unread.items()
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _cell(cell: Cell) -> dict[str, object]:
    return {
        "imageTag": cell.tag,
        "npus": cell.npus,
        "replicas": cell.replicas,
        "maxModelLen": cell.max_model_len,
        "differs": dict(cell.features),
    }
