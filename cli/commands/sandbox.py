"""`ascend-vllm sandbox`: a local cluster with simulated Ascend nodes, and stacks deployed in it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.commands import rehearse
from cli.errors import CommandError, ExitCode
from cli.help import HelpfulGroup, add_command
from cli.inputs.stacks import project_directory, stack_names
from cli.output.table import columns
from cli.sandbox_plan import sandbox_plan
from cli.sandbox_stack import Stack, reported_failures, stack_name
from sandbox import cluster, command, deployment, paths, services
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
    add_completion=False,
)

_DEFAULT = "dev"
_STATUS_VERSION = 1


class Nodes(StrEnum):
    """Kinds of nodes."""

    SIMULATED = "simulated"
    REAL = "real"


class StatusFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


@add_command(app, "up")
def up(
    stack: Stack = _DEFAULT,
    nodes: Annotated[
        Nodes,
        typer.Option(
            "--node",
            help="real: the first node runs pods with containerd and a kubelet, as root.",
        ),
    ] = Nodes.SIMULATED,
    keep_build_cache: Annotated[
        bool,
        typer.Option("--keep-build-cache", help="Keep Go's build cache (about 12 GB)."),
    ] = False,
) -> None:
    """Start the sandbox of a stack, or change its nodes to the stack's pools.

    The first start builds missing tools from pinned Go modules, which takes about
    14 minutes on two cores, and three more for services over several nodes.

    Examples:
      ascend-vllm sandbox up
      ascend-vllm sandbox up staging --keep-build-cache
      sudo ascend-vllm sandbox up --node real
    """
    with reported_failures():
        plan = sandbox_plan(stack, real=nodes is Nodes.REAL)
        cluster.up(plan, keep_build_cache)


@add_command(app, "load")
def load(
    stack: Stack,
    archive: Annotated[
        Path | None,
        typer.Argument(
            metavar="ARCHIVE", help="File of `docker save` (default: vLLM for the CPU)."
        ),
    ] = None,
) -> None:
    """Import images into the real node of a sandbox.

    Without ARCHIVE: a vLLM for the CPU, which is built the first time.

    Examples:
      ascend-vllm sandbox load dev
      ascend-vllm sandbox load dev ascend-vllm.tar
    """
    with reported_failures():
        directory = paths.home(sandbox_plan(stack).name)
        if archive is None:
            node.check(directory)
            needs.check(libraries=vllm.LIBRARIES)
            archive = vllm.ensure()
        typer.echo(node.load(directory, archive))


@add_command(app, "status")
def status(
    stack: Stack = _DEFAULT,
    form: Annotated[
        StatusFormat, typer.Option("--format", help="Output format.")
    ] = StatusFormat.TEXT,
) -> None:
    """Show whether the sandbox of a stack runs, and its nodes.

    Exit code 0 if it runs, 1 if not.

    Examples:
      ascend-vllm sandbox status
      ascend-vllm sandbox status dev --format json
    """
    with reported_failures():
        found = cluster.status(sandbox_plan(stack).name)
    if form is StatusFormat.JSON:
        typer.echo(_status_json(found))
    else:
        typer.echo(_status_text(found))
    if not found.running:
        raise typer.Exit(ExitCode.FOUND)


@add_command(app, "down")
def down(
    stack: Stack = _DEFAULT,
    everything: Annotated[
        bool, typer.Option("--all", help="Stop every sandbox of this user.")
    ] = False,
) -> None:
    """Stop the sandbox of a stack and delete its files.

    It can be repeated, also after a crash.

    Examples:
      ascend-vllm sandbox down
      ascend-vllm sandbox down --all
    """
    with reported_failures():
        if everything:
            names = [directory.name for directory in paths.all_homes()]
        else:
            names = [sandbox_plan(stack).name]
        for name in names:
            result = "removed" if cluster.down(name) else "not running"
            typer.echo(f"sandbox   {name}: {result}", err=True)


@add_command(app, "deploy")
def deploy(
    stack: Stack = _DEFAULT,
    parallel: Annotated[
        int,
        typer.Option(
            "--parallel",
            min=1,
            metavar="N",
            help="Resources that Pulumi creates in parallel.",
        ),
    ] = (deployment.PARALLEL),
) -> None:
    """Run `pulumi up` for a stack in its sandbox, and show its services.

    Exit code 1 if Pulumi fails, with the whole output of Pulumi.

    Examples:
      ascend-vllm sandbox deploy
      ascend-vllm sandbox deploy staging --parallel 16
    """
    with reported_failures():
        plan = sandbox_plan(stack)
        deployed = deployment.deploy(
            plan.name, stack_name(stack), project_directory(), parallel
        )
    if deployed.services:
        typer.echo(services.table(deployed.services))
        script = f"ascend-vllm script {stack} {deployed.services[0].name}"
        end = f"ascend-vllm sandbox down {stack}"
        if stack == _DEFAULT:
            end = "make down"
        typer.echo(f"next: {script} · {end}", err=True)


@add_command(app, "destroy")
def destroy(stack: Stack = _DEFAULT) -> None:
    """Run `pulumi destroy` for a stack in its sandbox, which keeps running.

    Examples:
      ascend-vllm sandbox destroy
      ascend-vllm sandbox destroy staging
    """
    with reported_failures():
        plan = sandbox_plan(stack)
        if not deployment.destroy(plan.name, stack_name(stack), project_directory()):
            typer.echo(f"pulumi    stack {stack}: nothing to destroy", err=True)


@add_command(
    app,
    "run",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
    options_metavar="[STACK] --",
)
def run(
    words: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="Command with its arguments.")
    ],
) -> None:
    """Run a command with the tools, cluster and Pulumi backend of a sandbox.

    The exit code is that of the command.

    Examples:
      ascend-vllm sandbox run -- kubectl get pods --all-namespaces
      ascend-vllm sandbox run dev -- pulumi preview --stack dev
    """
    stack, words = _split(words)
    with reported_failures():
        plan = sandbox_plan(stack)
        code = command.run(plan.name, stack_name(stack), project_directory(), words)
    raise typer.Exit(code)


add_command(app, "rehearse")(rehearse.command)


def _split(words: list[str]) -> tuple[str, list[str]]:
    """The stack and the command. The parser has removed the dashes of `-- CMD`, but not those of `STACK -- CMD`."""
    if words[1:2] != ["--"]:
        _refuse_stack_as_command(words[0])
        return _DEFAULT, words
    if not words[2:]:
        raise CommandError(
            "there is no command after --",
            "write: ascend-vllm sandbox run [STACK] -- COMMAND",
        )
    return words[0], words[2:]


def _refuse_stack_as_command(word: str) -> None:
    """End the command if its first word is a stack, and no program has this name.

    Raises:
        CommandError: The dashes between the stack and the command are missing.
    """
    if word in stack_names() and shutil.which(word) is None:
        raise CommandError(
            f"there is no -- COMMAND after the stack {word}",
            f"write: ascend-vllm sandbox run {word} -- COMMAND",
        )


def _status_text(status: cluster.Status) -> str:
    if not status.running:
        reason = "not up"
        if status.components:
            reason = f"without {', '.join(status.missing)}"
        return f"{status.context}: {reason}"
    rows = [("NODE", "READY", "NPUS", "RESOURCE")]
    for node_status in status.nodes:
        ready = "yes" if node_status.ready else "no"
        rows.append(
            (node_status.name, ready, str(node_status.npus), node_status.resource)
        )
    title = f"{status.context}: up, kubeconfig {status.kubeconfig}"
    return "\n".join([title, *columns(rows)])


def _status_json(status: cluster.Status) -> str:
    record = {
        "version": _STATUS_VERSION,
        "running": status.running,
        **asdict(status),
        "kubeconfig": str(status.kubeconfig),
    }
    return json.dumps(record, indent=2)
