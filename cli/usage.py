"""Wrong usage of the command line, reported in the program's own words and with the name of the flag."""

from __future__ import annotations

from typing import Any

import typer
from pydantic import ValidationError

from cli.errors import CommandError

_EXPECTED = {int: "a whole number", float: "a number"}


def usage_error(problem: typer.TyperException) -> CommandError:
    """The error in the arguments: `--format yaml: expected text, json, github or sarif`."""
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else "ascend-vllm"
    return CommandError(_message(problem), f"see {command} --help")


def one_of(words: list[str]) -> str:
    """Words as a choice: `text, json or sarif`."""
    *first, last = words
    if not first:
        return last
    return f"{', '.join(first)} or {last}"


def _message(problem: typer.TyperException) -> str:
    parameter = getattr(problem, "param", None)
    if parameter is None:
        return _plain(problem.format_message())
    name = _name(parameter)
    if not problem.message:
        return f"{name} is missing"
    cause = problem.__cause__
    if not isinstance(cause, ValidationError):
        return f"{name} {problem.message}"
    value = cause.errors()[0]["input"]
    subject = f"{name} {value}"
    return f"{subject}: expected {_expected(parameter.type_descriptor)}"


def _name(parameter: Any) -> str:
    """An option with its dashes, an argument as the help shows it."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())


def _expected(descriptor: Any) -> str:
    if descriptor.choices:
        return one_of([str(choice.value) for choice in descriptor.choices])
    expected = _EXPECTED.get(descriptor.annotation, "another value")
    minimum = descriptor.parameter_info.min
    if minimum is not None:
        return f"{expected}, at least {minimum}"
    return expected


def _plain(message: str) -> str:
    """A message of the parser in the form of all others: no capital at its beginning, no full stop at its end."""
    return message[:1].lower() + message[1:].rstrip(".")
