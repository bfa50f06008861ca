"""`ascend-vllm sandbox rehearse`: a stack with a real vLLM on a real node, from weights to answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from cli.errors import ExitCode
from cli.inputs.stacks import open_stack, project_directory
from cli.refusal import refuse_errors
from cli.sandbox_plan import sandbox_plan
from cli.sandbox_stack import Stack, reported_failures, stack_name
from models.service.resolved import ResolvedStack
from sandbox import deployment, rehearsal, services
from sandbox.environment import environment
from sandbox.progress import announced, say


def command(stack: Stack = "rehearsal") -> None:
    """Deploy a stack with a real vLLM on a real node, and test it.

    Needs root. Prepares the weights and a vLLM image for the CPU, deploys the
    stack, and runs smoke. A model that is not on the node is replaced by a very
    small one with random weights. The sandbox keeps running: `ascend-vllm sandbox
    down STACK` stops it.

    Exit code 0 if the services answer correctly, 1 if not, 3 if this machine lacks
    something, with a hint what to install.

    Examples:
      sudo make rehearse
      sudo ascend-vllm -C rehearsal sandbox rehearse
    """
    resolved = open_stack(stack)
    refuse_errors(resolved)
    plan = sandbox_plan(stack, real=True)
    rehearsed = _services_with_pods(resolved)
    with reported_failures(
        f"the sandbox may still be running; to stop it: ascend-vllm sandbox down {stack}"
    ):
        rehearsal.prepare(plan, rehearsed)
        deployed = deployment.deploy(plan.name, stack_name(stack), project_directory())
        typer.echo(services.table(deployed.services))
        for service in rehearsed:
            log_line = rehearsal.started(plan.name, service)
            say(
                log_line or f"the log of {service.name} does not show its start", "logs"
            )
        code = _smoke(plan.name, stack)
    _show_next_commands(stack, rehearsed)
    if code:
        raise typer.Exit(ExitCode(code))


def same_program() -> str:
    """The command that runs this program again from the user's directory: `sudo ascend-vllm -C rehearsal`."""
    words = []
    if "SUDO_USER" in os.environ:
        words.append("sudo")
    program = sys.argv[0]
    is_on_path = program == shutil.which("ascend-vllm")
    if Path(program).name != "ascend-vllm" or is_on_path:
        program = "ascend-vllm"
    words.append(program)
    started_in = os.environ.get("PWD", "")
    if started_in and Path(started_in) != Path.cwd():
        words += ["-C", os.path.relpath(Path.cwd(), started_in)]
    return " ".join(words)


def _services_with_pods(stack: ResolvedStack) -> list[rehearsal.Service]:
    namespace = stack.cluster.namespace.name
    services = []
    for service in stack.services:
        if service.replicas:
            rehearsed = rehearsal.Service(
                name=service.name,
                namespace=namespace,
                image=service.image,
                model=service.model.path,
            )
            services.append(rehearsed)
    return services


def _smoke(sandbox: str, stack: str) -> int:
    """Print the output of `ascend-vllm smoke` in the sandbox, and return its exit code."""
    with announced("sending requests to the services", "smoke"):
        done = subprocess.run(
            [sys.executable, "-m", "cli", "smoke", stack],
            env=environment(sandbox),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    for line in done.stdout.splitlines():
        typer.echo(f"{'smoke':<10}{line}")
    return done.returncode


def _show_next_commands(stack: str, rehearsed: Sequence[rehearsal.Service]) -> None:
    program = same_program()
    if rehearsed:
        request = f'ascend-vllm request {stack} {rehearsed[0].name} chat "hello"'
        say(f"send a request: {program} sandbox run {stack} -- {request}", "next")
    say(f"remove it: {program} sandbox down {stack}", "next")
