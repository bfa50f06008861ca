"""Services × environments as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from cli.capacity import columns
from cli.errors import CommandError
from cli.output.diff import DiffFormat
from models.service.resolved import ResolvedStack
from models.words import counted
from review.matrix import Cell, Matrix, matrix

VERSION = 1
"""Of the JSON, see docs/reference/diff-json.md; raised when a key changes its meaning or goes."""


def render_matrix(stacks: Sequence[ResolvedStack], form: DiffFormat) -> str:
    """The table in a format.

    Raises:
        CommandError: The format is for changes only.
    """
    table = matrix(stacks)
    if form is DiffFormat.JSON:
        return _json(table)
    if form is DiffFormat.MARKDOWN:
        return "\n".join([*_markdown(table), *(f"\n{line}" for line in _lacking(table))])
    if form is DiffFormat.GITHUB:
        raise CommandError("a table annotates nothing", "write it as text, json or markdown")
    return "\n".join([*columns(_rows(table)), *_lacking(table)])


def _rows(table: Matrix) -> Iterator[tuple[str, ...]]:
    yield "", *table.environments
    for name, cells in table.rows.items():
        yield name, *map(_text, cells)


def _text(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    features = (f"{name}: {value}" for name, value in cell.features.items())
    size = f"{counted(cell.npus, 'NPU')} × {cell.replicas}"
    return " · ".join([cell.tag, size, f"{cell.max_model_len} tokens", *features])


def _markdown(table: Matrix) -> Iterator[str]:
    head, *rows = _rows(table)
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _lacking(table: Matrix) -> Iterator[str]:
    for index, environment in enumerate(table.environments):
        if missing := [name for name, cells in table.rows.items() if cells[index] is None]:
            yield f"{environment} lacks {', '.join(missing)}"
    for environment, broken in table.unread.items():
        yield f"not shown of {environment}, since their shape is refused: {', '.join(broken)}"


def _json(table: Matrix) -> str:
    document = {
        "version": VERSION,
        "environments": list(table.environments),
        "services": [
            {
                "name": name,
                "environments": {
                    environment: cell and _cell(cell)
                    for environment, cell in zip(table.environments, cells, strict=True)
                },
            }
            for name, cells in table.rows.items()
        ],
        "notShown": {environment: list(broken) for environment, broken in table.unread.items()},
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
