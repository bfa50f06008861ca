"""Read the cluster of a stack, and report in plain words why it cannot be read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import typer

from cli.errors import CommandError, ExitCode
from cluster.api import kubeconfig
from cluster.api.errors import ClusterError
from sandbox import paths
from sandbox.plan import CONTEXT_PREFIX

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result], context: str) -> Result:
    """Run work that needs the cluster of a context, which may be a running sandbox.

    Raises:
        CommandError: The cluster cannot be read, or the user interrupts.
    """
    _use_kubeconfig_of_sandbox(context)
    try:
        return asyncio.run(work)
    except ClusterError as problem:
        raise CommandError(
            problem.message, problem.fix, ExitCode.COULD_NOT_RUN
        ) from None
    except KeyboardInterrupt:
        raise CommandError(
            "interrupted", "run it again", ExitCode.COULD_NOT_RUN
        ) from None


def report_unread(unread: Mapping[str, str]) -> None:
    """Print on standard error which parts of the cluster could not be read, and why."""
    for part, reason in unread.items():
        typer.echo(f"not read: {part}: {reason}", err=True)


def _use_kubeconfig_of_sandbox(context: str) -> None:
    """Use the kubeconfig of a sandbox if the user's own does not have its context."""
    if not context.startswith(CONTEXT_PREFIX) or context in kubeconfig.contexts():
        return
    name = context.removeprefix(CONTEXT_PREFIX)
    for directory in paths.all_homes():
        if directory.name == name:
            os.environ["KUBECONFIG"] = str(paths.kubeconfig(directory))
