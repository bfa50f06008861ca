"""`ascend-vllm sandbox`: a local cluster with simulated Ascend nodes, and stacks deployed in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.help import HelpfulGroup, add_command
from cli.stacks import sandbox_plan, stack_names
from sandbox import cluster, command, deployment, paths, services
from sandbox.errors import SandboxError
from sandbox.images import vllm
from sandbox.real import needs, node

_EXAMPLES = """Examples:
  ascend-vllm sandbox up dev
  ascend-vllm sandbox deploy dev
  ascend-vllm sandbox down dev
"""

app = typer.Typer(
    help="Run a local cluster with simulated Ascend nodes, and deploy stacks in it.",
    epilog=_EXAMPLES,
    cls=HelpfulGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
)

_DEFAULT = "dev"
_STATUS_VERSION = 1


class Nodes(StrEnum):
    """What the nodes are."""

    SIMULATED = "simulated"
    REAL = "real"


def _complete_stack(incomplete: str) -> list[str]:
    return [name for name in stack_names() if name.startswith(incomplete)]


Stack = Annotated[
    str,
    typer.Argument(metavar="STACK", help="Stack whose context names the sandbox.", autocompletion=_complete_stack),
]


class StatusFormat(StrEnum):
    """How the status is written."""

    TEXT = "text"
    JSON = "json"


@add_command(app, "up")
def up(
    stack: Stack = _DEFAULT,
    nodes: Annotated[
        Nodes,
        typer.Option("--node", help="real: the first node runs pods with containerd and a kubelet, as root."),
    ] = Nodes.SIMULATED,
    keep_build_cache: Annotated[
        bool, typer.Option("--keep-build-cache", help="Keep Go's build cache (about 12 GB).")
    ] = False,
) -> None:
    """Start the sandbox of a stack, or change its nodes to the stack's pools.

    The first start builds missing tools from pinned Go modules, which takes about
    11 minutes on two cores.

    Examples:
      ascend-vllm sandbox up
      ascend-vllm sandbox up staging --keep-build-cache
      sudo ascend-vllm sandbox up --node real
    """
    with failures_told():
        cluster.up(sandbox_plan(stack, real=nodes == Nodes.REAL), keep_build_cache)


@add_command(app, "load")
def load(
    stack: Stack,
    archive: Annotated[
        Path | None, typer.Argument(metavar="ARCHIVE", help="File of `docker save` (default: vLLM for the CPU).")
    ] = None,
) -> None:
    """Import images into the real node of a sandbox.

    Without ARCHIVE: a vLLM for the CPU, which is built the first time.

    Examples:
      ascend-vllm sandbox load dev
      ascend-vllm sandbox load dev ascend-vllm.tar
    """
    with failures_told():
        home = paths.home(sandbox_plan(stack).name)
        if archive is None:
            node.check(home)
            needs.check(libraries=vllm.LIBRARIES)
        typer.echo(node.load(home, archive or vllm.ensure()))


@add_command(app, "status")
def status(
    stack: Stack = _DEFAULT,
    form: Annotated[StatusFormat, typer.Option("--format", help="Output format.")] = StatusFormat.TEXT,
) -> None:
    """Show whether the sandbox of a stack runs, and its nodes.

    Exit code 0 if it runs, 1 if not.

    Examples:
      ascend-vllm sandbox status
      ascend-vllm sandbox status dev --format json
    """
    with failures_told():
        found = cluster.status(sandbox_plan(stack).name)
    typer.echo(_status_json(found) if form == StatusFormat.JSON else _status_text(found))
    if not found.running:
        raise typer.Exit(ExitCode.FOUND)


@add_command(app, "down")
def down(
    stack: Stack = _DEFAULT,
    everything: Annotated[bool, typer.Option("--all", help="Stop every sandbox of this user.")] = False,
) -> None:
    """Stop the sandbox of a stack and delete its files.

    It can be repeated, also after a crash.

    Examples:
      ascend-vllm sandbox down
      ascend-vllm sandbox down --all
    """
    with failures_told():
        names = [home.name for home in paths.all_homes()] if everything else [sandbox_plan(stack).name]
        for name in names:
            typer.echo(f"sandbox   {name}: {'removed' if cluster.down(name) else 'was not up'}", err=True)


@add_command(app, "deploy")
def deploy(
    stack: Stack = _DEFAULT,
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, metavar="N", help="Resources that Pulumi creates in parallel.")
    ] = (deployment.PARALLEL),
) -> None:
    """Run `pulumi up` for a stack in its sandbox, and show its services.

    Exit code 1 if Pulumi fails, with the whole output of Pulumi.

    Examples:
      ascend-vllm sandbox deploy
      ascend-vllm sandbox deploy staging --parallel 16
    """
    with failures_told():
        done = deployment.deploy(sandbox_plan(stack).name, stack_name(stack), Path.cwd(), parallel)
    if done.services:
        typer.echo(services.table(done.services))
        end = "make down" if stack == _DEFAULT else f"ascend-vllm sandbox down {stack}"
        typer.echo(f"next: ascend-vllm script {stack} {done.services[0].name} · {end}", err=True)


@add_command(app, "destroy")
def destroy(stack: Stack = _DEFAULT) -> None:
    """Run `pulumi destroy` for a stack in its sandbox, which keeps running.

    Examples:
      ascend-vllm sandbox destroy
      ascend-vllm sandbox destroy staging
    """
    with failures_told():
        if not deployment.destroy(sandbox_plan(stack).name, stack_name(stack), Path.cwd()):
            typer.echo(f"pulumi    stack {stack}: nothing to destroy", err=True)


@add_command(
    app,
    "run",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
    options_metavar="[STACK] --",
)
def run(
    words: Annotated[list[str], typer.Argument(metavar="COMMAND", help="Command with its arguments.")],
) -> None:
    """Run a command with the tools, cluster and Pulumi backend of a sandbox.

    The exit code is that of the command.

    Examples:
      ascend-vllm sandbox run -- kubectl get pods --all-namespaces
      ascend-vllm sandbox run dev -- pulumi preview --stack dev
    """
    stack, words = _split(words)
    with failures_told():
        raise typer.Exit(command.run(sandbox_plan(stack).name, stack_name(stack), Path.cwd(), words))


def _split(words: list[str]) -> tuple[str, list[str]]:
    """The stack and the command. Of `-- CMD` Click has already taken the dashes, of `STACK -- CMD` not."""
    if words[1:2] != ["--"]:
        return _DEFAULT, words
    if not words[2:]:
        raise CommandError("there is no command after --", "write: ascend-vllm sandbox run [STACK] -- COMMAND")
    return words[0], words[2:]


def stack_name(stack: str) -> str:
    """The name that Pulumi knows a stack by, when it was given as a file of this project."""
    if stack == "-":
        raise CommandError("Pulumi cannot read a stack from standard input", "name a stack of this project")
    return Path(stack).stem.removeprefix("Pulumi.") if stack.endswith((".yaml", ".yml")) else stack


@contextmanager
def failures_told(interrupted: str = "what had been started was ended again") -> Iterator[None]:
    """Turn what can go wrong in a sandbox into the failures of the command line."""
    try:
        yield
    except SandboxError as failure:
        raise CommandError(failure.message, failure.fix, ExitCode(failure.exit_code)) from failure
    except KeyboardInterrupt:
        message = f"interrupted; {interrupted}"
        raise CommandError(message, "run the same command again", ExitCode.COULD_NOT_RUN) from None


def _status_text(status: cluster.Status) -> str:
    if not status.running:
        why = f"without {', '.join(status.missing)}" if status.components else "not up"
        return f"{status.context}: {why}"
    rows = [("NODE", "READY", "NPUS", "RESOURCE")]
    rows += [(node.name, "yes" if node.ready else "no", str(node.npus), node.resource) for node in status.nodes]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([f"{status.context}: up, kubeconfig {status.kubeconfig}", *lines])


def _status_json(status: cluster.Status) -> str:
    record = {"version": _STATUS_VERSION, "running": status.running, **asdict(status)}
    return json.dumps({**record, "kubeconfig": str(status.kubeconfig)}, indent=2)
