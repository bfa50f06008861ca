"""`ascend-vllm script`: the launch script of a service."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from cli.arguments import ServiceArgument, StackArgument
from cli.errors import ExitCode
from cli.refusal import refuse_errors
from cli.stacks import open_stack, pick_service
from models.launch.launch import Launch, launch, script


class ScriptFormat(StrEnum):
    """Output formats of a launch."""

    TEXT = "text"
    JSON = "json"


def command(
    stack: StackArgument,
    service: ServiceArgument,
    form: Annotated[
        ScriptFormat, typer.Option("--format", help="The script, or its parts as JSON.")
    ] = ScriptFormat.TEXT,
) -> None:
    """Print the run_vllm.sh that the container of a service runs.

    --format json prints the parts of the launch: argv, environment, the
    initialization file, and further files.

    Examples:
      ascend-vllm script dev qwen2-7b
      ascend-vllm script prod qwen2-7b --format json | jq -r .argv[]
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, service, ExitCode.FOUND)
    parts = launch(pick_service(resolved, service))
    if form is ScriptFormat.TEXT:
        typer.echo(script(parts), nl=False)
    else:
        typer.echo(_document(parts))


def _document(parts: Launch) -> str:
    record = {
        "version": 1,
        "argv": list(parts.argv),
        "environment": dict(parts.environment),
        "pythonPath": parts.python_path,
        "initFile": parts.init_files[0],
        "initFiles": list(parts.init_files),
        "files": dict(parts.files),
    }
    return json.dumps(record, indent=2, ensure_ascii=False)
