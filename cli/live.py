"""Ask the cluster that a stack is in, and end in words when it cannot be asked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from cli.errors import CommandError, ExitCode
from cluster import kubeconfig
from cluster.errors import ClusterError
from sandbox import paths
from sandbox.plan import CONTEXT_PREFIX

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result], context: str) -> Result:
    """Do what needs the cluster of a context, a running sandbox's among them.

    Raises:
        CommandError: It cannot be reached or read, or the user interrupts.
    """
    _find_sandbox(context)
    try:
        return asyncio.run(work)
    except ClusterError as problem:
        raise CommandError(problem.message, problem.fix, ExitCode.COULD_NOT_RUN) from None
    except KeyboardInterrupt:
        raise CommandError("interrupted", "run it again", ExitCode.COULD_NOT_RUN) from None


def _find_sandbox(context: str) -> None:
    """Take the sandbox's kubeconfig where the user's own does not have its context."""
    if not context.startswith(CONTEXT_PREFIX) or context in kubeconfig.contexts():
        return
    for home in paths.all_homes():
        if home.name == context.removeprefix(CONTEXT_PREFIX):
            os.environ["KUBECONFIG"] = str(paths.kubeconfig(home))
