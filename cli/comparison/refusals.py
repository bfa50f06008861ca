"""What keeps an update from being planned, and is known only from both of its states.

The next launch of a service cannot run beside the present one, or nobody knows the replicas of a service.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from cli.errors import CommandError, ExitCode
from models.rules.network.answering import client_problem
from models.service.companion import companion_name
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.update import UpdateByComparison


def refuse_unknown_replicas(old: ResolvedStack, new: ResolvedStack) -> None:
    """End the command if an autoscaler has set the replicas of a service that the stack sets from now on.

    Args:
        old: What runs, as a revision or a stack file has it.
        new: The wanted stack.

    Raises:
        CommandError: There is such a service.
    """
    for running in old.services:
        wanted = new.service(running.name)
        if not running.external or wanted is None or wanted.external:
            continue
        number = wanted.replicas
        raise CommandError(
            f"{wanted.name} changes from replicas: external to replicas: {number}, "
            f"and only the cluster knows how many pods the autoscaler has left",
            f"run ascend-vllm plan {new.name} --live, "
            "or change only replicas in a pulumi up of its own, and plan the other changes afterwards",
            ExitCode.FOUND,
        )


def refuse_incomparable(
    old: ResolvedStack, new: ResolvedStack, restarting: Collection[str]
) -> None:
    """End the command if a service with `update: compare` cannot be updated in this way.

    Args:
        old: What runs.
        new: The wanted stack.
        restarting: The services whose pods are replaced.

    Raises:
        CommandError: The name of a second service is taken, or clients would notice the switch.
    """
    running = {service.name for service in old.services}
    for wanted in new.services:
        is_compared = isinstance(wanted.update, UpdateByComparison)
        if not is_compared or wanted.name not in restarting:
            continue
        refuse_taken_name(wanted, running)
        present = old.service(wanted.name)
        if present is not None and present.replicas and wanted.replicas:
            _refuse_other_clients(present, wanted)


def refuse_taken_name(wanted: ResolvedService, running: Collection[str]) -> None:
    """End the command if a service runs under the name of the second one.

    Raises:
        CommandError: The name is taken.
    """
    name = companion_name(wanted.name)
    if name in running:
        raise CommandError(
            f"{name} runs already, so the next launch of {wanted.name} cannot start under this name",
            f"remove {name} in a separate update, or continue the upgrade that has started it",
            ExitCode.FOUND,
        )


def _refuse_other_clients(present: ResolvedService, wanted: ResolvedService) -> None:
    companion = replace(wanted, name=companion_name(wanted.name))
    problem = client_problem(present, companion)
    if problem is None:
        return
    message, why = problem
    raise CommandError(
        f"{companion.name} cannot answer the requests to {wanted.name}: {message}; {why}",
        f"keep what clients use, or remove services.{wanted.name}.update",
        ExitCode.FOUND,
    )
