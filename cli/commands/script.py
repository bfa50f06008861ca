"""`ascend-vllm script`: the launch script of a service."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import ServiceArgument, StackArgument
from cli.inputs.stacks import open_stack, pick_service
from cli.refusal import refuse_errors
from models.launch.group import member_of
from models.launch.launch import Launch, launch, launch_of_rank, script
from models.service.resolved import ResolvedService


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
    rank: Annotated[
        int | None,
        typer.Option(
            "--rank",
            metavar="N",
            min=0,
            show_default=False,
            help="The launch of one pod of a server over several nodes; 0 leads.",
        ),
    ] = None,
) -> None:
    """Print the run_vllm.sh that the container of a service runs.

    --format json prints the parts of the launch: argv, environment, the
    initialization file, and further files.

    All pods of a server over several nodes run the same script. --rank sets the
    variables that differ, and prints the flags that one pod gets.

    Examples:
      ascend-vllm script dev qwen2-7b
      ascend-vllm script prod qwen2-7b --format json | jq -r .argv[]
      ascend-vllm script prod deepseek-v3 --rank 1
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, service, ExitCode.FOUND)
    picked = pick_service(resolved, service)
    parts = launch(picked)
    if rank is not None:
        parts = _launch_of(picked, parts, rank)
    if form is ScriptFormat.TEXT:
        typer.echo(script(parts), nl=False)
    else:
        typer.echo(_document(parts))


def _launch_of(service: ResolvedService, parts: Launch, rank: int) -> Launch:
    """The launch of one pod of a group.

    Raises:
        CommandError: The service has no pod of this rank.
    """
    if rank >= service.nodes:
        highest = service.nodes - 1
        fix = "leave --rank out"
        if highest:
            fix += f", or write a number from 0 to {highest}"
        raise CommandError(
            f"--rank {rank}: the highest rank of {service.name} is {highest}",
            fix=fix,
        )
    return launch_of_rank(parts, member_of(service, rank))


def _document(parts: Launch) -> str:
    record: dict[str, Any] = {
        "version": 1,
        "argv": [*parts.argv, *parts.flags_of_rank],
        "environment": dict(parts.environment),
        "pythonPath": parts.python_path,
        "initFile": parts.init_files[0],
        "initFiles": list(parts.init_files),
        "files": dict(parts.files),
    }
    if parts.member:
        record["members"] = {
            "leader": [flag.shell for flag in parts.member.leader],
            "worker": [flag.shell for flag in parts.member.worker],
        }
    return json.dumps(record, indent=2, ensure_ascii=False)
