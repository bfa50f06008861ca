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
            metavar="NAME", help="Name of a model.", autocompletion=complete_model
        ),
    ] = None,
    form: Annotated[
        ModelFormat, typer.Option("--format", help="Output format.")
    ] = ModelFormat.TEXT,
) -> None:
    """List the known models, or show all facts of one model.

    Examples:
      ascend-vllm models
      ascend-vllm models Qwen2-7B-Instruct
      ascend-vllm models --format json
    """
    models = known_models()
    if name:
        models = (_find(name),)
    if form is ModelFormat.JSON:
        typer.echo(document(models))
    elif name:
        typer.echo(page(models[0]))
    else:
        typer.echo(table(models))


def _find(name: str) -> KnownModel:
    model = find_model(name)
    if model:
        return model
    fix = "`ascend-vllm models` lists all models"
    similar = nearest_models(name)
    if similar:
        fix = f"did you mean {' or '.join(similar)}?"
    raise CommandError(f"the catalogue has no model {name!r}", fix)
