"""The options of a command for the parameters of a request, made of their records: nothing is described twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from cli.errors import CommandError
from client.body import BadInputError, schema
from models.engines.parameters import Parameters

_TYPES: Mapping[str, Any] = {"stop": list[str], "guided_json": str, "max_tokens": int, "best_of": int}


def with_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each parameter instead of its own `**given`."""
    signature = inspect.signature(command, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    vars(command)["__signature__"] = signature.replace(parameters=[*own, *map(_option, Parameters.model_fields)])
    command.__annotations__ = {one.name: one.annotation for one in own} | {
        name: _option(name).annotation for name in Parameters.model_fields
    }
    return command


def _option(name: str) -> inspect.Parameter:
    field = Parameters.model_fields[name]
    kind: Any = _TYPES.get(name, field.annotation)
    flag = f"--{name.replace('_', '-')}"
    usual = f" Default {field.default:g}." if isinstance(field.default, int | float) and kind is not bool else ""
    help_text = " ".join((field.description or "").replace("`", "").split()) + usual
    metavar = "SCHEMA" if name == "guided_json" else None
    panel = "Parameters of the request"
    option = typer.Option(flag, help=help_text, metavar=metavar, show_default=False, rich_help_panel=panel)
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def given_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a body that options gave.

    Raises:
        CommandError: A schema cannot be read.
    """
    fields = {name: value for name, value in given.items() if value is not None and value is not False and value != []}
    if "guided_json" in fields:
        try:
            fields["guided_json"] = schema(fields["guided_json"])
        except BadInputError as problem:
            raise CommandError(problem.message, problem.fix) from None
    if len(fields.get("stop", ())) == 1:
        fields["stop"] = fields["stop"][0]
    return fields
