"""`ascend-vllm sandbox rehearse`: a stack with a real vLLM on a real node, from weights to answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from cli.errors import ExitCode
from cli.refusal import refuse_errors
from cli.sandbox import Stack, failures_told, stack_name
from cli.stacks import open_stack, sandbox_plan
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
    refuse_errors(resolved, None)
    plan = sandbox_plan(stack, real=True)
    rehearsed = [
        rehearsal.Service(one.name, one.cluster.namespace.name, one.image, one.model.path)
        for one in resolved.services
        if one.replicas
    ]
    with failures_told(f"if the sandbox is up, it stays so: ascend-vllm sandbox down {stack}"):
        rehearsal.prepare(plan, rehearsed)
        done = deployment.deploy(plan.name, stack_name(stack), Path.cwd())
        typer.echo(services.table(done.services))
        for service in rehearsed:
            say(rehearsal.started(plan.name, service) or f"{service.name} did not say that it has started", "logs")
        code = _smoke(plan.name, stack)
    for service in rehearsed[:1]:
        asked = f'ascend-vllm request {stack} {service.name} chat "hello"'
        say(f"ask it yourself: {_again()} sandbox run {stack} -- {asked}", "next")
    say(f"take it down: {_again()} sandbox down {stack}", "next")
    if code:
        raise typer.Exit(ExitCode(code))


def _again() -> str:
    """How this program is called once more from where the user stands, who is root by `sudo` maybe."""
    program, began = sys.argv[0], os.environ.get("PWD", "")
    if Path(program).name != "ascend-vllm" or program == shutil.which("ascend-vllm"):
        program = "ascend-vllm"
    where = ["-C", os.path.relpath(Path.cwd(), began)] if began and Path(began) != Path.cwd() else []
    return " ".join([*(["sudo"] if "SUDO_USER" in os.environ else []), program, *where])


def _smoke(name: str, stack: str) -> int:
    """What `ascend-vllm smoke` says in the sandbox, line by line, and its exit code."""
    with announced("asking the services", "smoke"):
        done = subprocess.run(
            [sys.executable, "-m", "cli", "smoke", stack],
            env=environment(name), stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    for line in done.stdout.splitlines():
        typer.echo(f"{'smoke':<10}{line}")
    return done.returncode
