"""`ascend-vllm models`: the catalogue of known models, with the source of every fact."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.errors import CommandError
from cli.output.models import document, page, table
from models.catalog.known import KnownModel, find_model, known_models, nearest_models


class ModelFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


def complete_model(incomplete: str) -> list[str]:
    """The names of models that begin like this, in any case."""
    names: list[str] = []
    for model in known_models():
        names += model.names
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Name of a model, or a part of names.",
            autocompletion=complete_model,
        ),
    ] = None,
    form: Annotated[
        ModelFormat, typer.Option("--format", help="Output format.")
    ] = ModelFormat.TEXT,
) -> None:
    """List the known models, or show all facts of one model.

    The list has the longest context in tokens. For each size of NPU memory, it has
    the fewest NPUs that are published for a model.

    Examples:
      ascend-vllm models
      ascend-vllm models deepseek
      ascend-vllm models Qwen2-7B-Instruct
    """
    models = known_models()
    model = find_model(name) if name else None
    if model:
        models = (model,)
    elif name:
        models = _with_part(name)
    if form is ModelFormat.JSON:
        typer.echo(document(models))
    elif model:
        typer.echo(page(model))
    else:
        typer.echo(table(models))


def _with_part(name: str) -> tuple[KnownModel, ...]:
    """The models whose names contain a text; case, `-` and `_` do not count.

    Raises:
        CommandError: There is none.
    """
    part = _plain(name)
    found = []
    for model in known_models():
        names = [model.family, *model.names]
        if any(part in _plain(known) for known in names):
            found.append(model)
    if found:
        return tuple(found)
    fix = "`ascend-vllm models` lists all models"
    similar = nearest_models(name)
    if similar:
        fix = f"did you mean {' or '.join(similar)}?"
    raise CommandError(f"the catalogue has no model {name!r}", fix)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
