"""What is known before the first step of an upgrade: whether each of its steps can run and changes only its service."""

from __future__ import annotations

from collections.abc import Iterator

from cli.errors import CommandError, ExitCode
from cli.upgrade.comparison import NextLaunch, refuse_unready
from cli.upgrade.state import Upgrade
from models.check import check
from models.service.resolved import ResolvedStack
from models.words import listed
from plan.kept_values import undecryptable_keys
from plan.step import Step
from plan.whole_stack_file import StackFile
from review import compare
from review.changes import ServiceChange, StackChange


def refuse_invalid_states(upgrade: Upgrade) -> None:
    """End the command before the first step if a later one could not run.

    Raises:
        CommandError: `check` finds errors in the stack file of a step, a comparison could not be made, or a step would
            restart another service than its own.
    """
    _refuse_undecryptable(upgrade)
    before = upgrade.stack_before()
    for number, step in enumerate(upgrade.progress.steps, start=1):
        stack = upgrade.stack_after(step)
        errors = check(stack).errors
        if errors:
            raise CommandError(
                f"pulumi up refuses the stack after step {number}: {errors[0].message}",
                errors[0].fix,
                ExitCode.FOUND,
            )
        for service in _early_restarts(step, compare(before, stack), before):
            raise _early_restart(upgrade, number, service.name)
        if step.kind == "compare":
            refuse_unready(next_launch(upgrade, step))


def next_launch(upgrade: Upgrade, step: Step) -> NextLaunch:
    """What a step compares."""
    wanted = upgrade.stack.service(step.service)
    if wanted is None:
        raise KeyError(step.service)
    return NextLaunch(
        wanted,
        upgrade.stack_after(step),
        upgrade.report(step.service),
        upgrade.key_file,
    )


def _refuse_undecryptable(upgrade: Upgrade) -> None:
    keys = list(undecryptable_keys(upgrade.old, upgrade.new))
    if not keys:
        return
    raise CommandError(
        f"the stack has another encryption key than before, and services that are not updated yet need {listed(keys)}",
        "change the secrets provider in an update of its own: revert it, run the upgrade, then change it",
        ExitCode.FOUND,
    )


def _early_restart(upgrade: Upgrade, number: int, service: str) -> CommandError:
    reason = "the stack as a whole has changed"
    keys = list(_changed_cluster_keys(upgrade.old, upgrade.new))
    if keys:
        reason = f"{listed(keys)} changed"
    return CommandError(
        f"step {number} would restart {service}, whose own step is another one: {reason}",
        "change it in an update of its own: revert it, run the upgrade, then run pulumi up with it",
        ExitCode.FOUND,
    )


def _changed_cluster_keys(old: StackFile, new: StackFile) -> Iterator[str]:
    """The keys of the cluster that have another value, without those about NPUs, which restart no pods."""
    before = old.value("cluster")
    after = new.value("cluster")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for key in sorted(before.keys() | after.keys()):
        if key not in ("pools", "queues") and before.get(key) != after.get(key):
            yield f"cluster.{key}"


def _early_restarts(
    step: Step, change: StackChange, before: ResolvedStack
) -> Iterator[ServiceChange]:
    """The services whose pods are replaced although the step leaves them in their old version.

    A pair for prefill and decode is as it is wanted as soon as one of its services is.

    Args:
        step: The step.
        change: The comparison of what runs before the first step with the state after the step.
        before: What runs before the first step.
    """
    of_pair = {service.name for service in before.pair}
    for service in change.restarting:
        replicas = step.state.get(service.name)
        is_old = replicas is not None and not replicas.is_new
        if is_old and service.name not in of_pair:
            yield service
