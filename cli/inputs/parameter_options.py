"""Options of the command line for the parameters of a request, generated from their record."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from cli.errors import CommandError
from client.body import BadInputError, schema
from models.descriptions import descriptions
from models.engines.parameters import Parameters

_PANEL = "Parameters of the request"
_TYPES: Mapping[str, Any] = {
    "stop": list[str],
    "guided_json": str,
    "max_tokens": int,
    "best_of": int,
}
"""Types of the options that differ from the types of the record."""

_METAVARS = {"stop": "TEXT", "guided_json": "SCHEMA"}
_METAVARS_OF_TYPES = {int: "N", float: "NUMBER"}


def with_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the `**parameters` of a command by one option for each parameter of a request."""
    signature = inspect.signature(command, eval_str=True)
    named = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    texts = descriptions(Parameters)
    options = [
        _option(name, field, texts[name])
        for name, field in Parameters.model_fields.items()
    ]
    parameters = [*named, *options]
    extended = signature.replace(parameters=parameters)
    command.__signature__ = extended  # type: ignore[attr-defined]  # read by inspect
    command.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters
    }
    return command


def body_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request that the options set.

    Raises:
        CommandError: The JSON Schema cannot be read.
    """
    fields = {}
    for name, value in options.items():
        is_unset = value is None or value is False or value == []
        if not is_unset:
            fields[name] = value
    if "guided_json" in fields:
        fields["guided_json"] = _schema(fields["guided_json"])
    if len(fields.get("stop", ())) == 1:
        fields["stop"] = fields["stop"][0]
    return fields


def _option(name: str, field: FieldInfo, text: str) -> inspect.Parameter:
    kind: Any = _TYPES.get(name, field.annotation)
    description = " ".join(text.replace("`", "").split())
    is_number = isinstance(field.default, int | float) and kind is not bool
    if is_number:
        description += f" Default {field.default:g}."
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=description,
        metavar=_METAVARS.get(name) or _METAVARS_OF_TYPES.get(kind),
        show_default=False,
        rich_help_panel=_PANEL,
    )
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _schema(text: str) -> Any:
    try:
        return schema(text)
    except BadInputError as problem:
        raise CommandError(problem.message, problem.fix) from None
