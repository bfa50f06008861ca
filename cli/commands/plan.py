"""`ascend-vllm plan`: an update as ordered steps with the least downtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.diff import refuse_unreadable
from cli.comparison.refusals import refuse_incomparable, refuse_unknown_replicas
from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument, from_option
from cli.inputs.revision import Revision, revision
from cli.inputs.stacks import find_stack, is_file, open_stack, project_directory
from cli.live_plan import planned_live
from cli.output.plan import PlanFormat, render_plan
from cli.output.plan.planned import PlannedUpdate
from models.check import check
from models.service.resolved import ResolvedStack
from models.words import counted, listed
from plan import NoPlan
from plan.stacks import Placed, packed
from review import compare
from review.stepwise import stepwise

_ABOUT_NPUS = ("over-committed", "queue-quota")
"""Rules whose errors a plan reports in its own words, with the number of missing NPUs."""


def command(
    stack: StackArgument,
    base: Annotated[
        str | None,
        from_option(
            "What runs now: a commit or a stack file (default: main, origin/main or HEAD)."
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Read from the cluster what runs now.")
    ] = False,
    form: Annotated[
        PlanFormat, typer.Option("--format", help="Output format.")
    ] = PlanFormat.TEXT,
) -> None:
    """Show an update as ordered steps with the least downtime.

    Each step changes one service, or both of a prefill/decode pair. A plan has the
    least downtime of all services together, each weighted by its `priority`; then
    the fewest NPUs, then the least time. Times are the longest ones, from `startup` and `drain`.

    Read-only. Exit code 0 with a plan, 1 if there is none or `check` finds errors,
    2 for wrong usage, 3 if a stack or the cluster cannot be read.

    Examples:
      ascend-vllm plan prod --from HEAD~1
      ascend-vllm plan prod --live
      ascend-vllm plan prod --format markdown
    """
    if live and base:
        raise CommandError("--live cannot be used with --from", "remove one of them")
    planned = _from_cluster(stack) if live else planned_from(stack, base)
    typer.echo(render_plan(planned, form))
    if isinstance(planned.stepwise.plan, NoPlan):
        raise typer.Exit(ExitCode.FOUND)


def _from_cluster(name: str) -> PlannedUpdate:
    stack = open_stack(name)
    refuse_errors(stack, stack.name)
    context = stack.cluster.context
    return PlannedUpdate(stack.name, context, planned_live(stack))


def planned_from(name: str, base: str | None) -> PlannedUpdate:
    """The plan from a revision to the worktree.

    Raises:
        CommandError: One of both cannot be read or has errors.
    """
    if base is not None and is_file(base):
        old = open_stack(base)
        new = replace(open_stack(name), name=old.name)
        return _planned(old, new, base)
    if name == "-":
        raise CommandError(
            "standard input has no revision", "name a stack file: --from FILE"
        )
    start = base_of(name, base)
    typer.echo(f"from {start.label} to the worktree", err=True)
    new = open_stack(name)
    running = find_stack(name, start.read)
    if running is None:
        running = replace(new, services=(), broken=(), findings=())
    return _planned(running, new, start.name)


def _planned(old: ResolvedStack, new: ResolvedStack, against: str) -> PlannedUpdate:
    refuse_errors(new, new.name)
    running = against if is_file(against) else f"{old.name} of {against}"
    refuse_broken(old, running)
    refuse_unknown_replicas(old, new)
    placed = packed(old, new)
    _refuse_unplaced(placed, new)
    change = compare(old, new)
    restarting = {service.name for service in change.restarting}
    refuse_incomparable(old, new, restarting)
    update = stepwise(old, new, change, placed)
    return PlannedUpdate(stack=new.name, against=against, stepwise=update)


def base_of(name: str, base: str | None) -> Revision:
    """The revision that runs."""
    directory = project_directory()
    if is_file(name):
        directory = Path(name).parent
    return revision(base, directory, option="--from")


def refuse_errors(stack: ResolvedStack, name: str) -> None:
    """End the command if `pulumi up` would refuse the wanted stack, for another reason than missing NPUs.

    Raises:
        CommandError: `check` finds errors, or the stack has no pools.
    """
    errors = [
        finding for finding in check(stack).errors if finding.rule not in _ABOUT_NPUS
    ]
    if errors:
        raise CommandError(
            f"pulumi up refuses {name}: {counted(len(errors), 'error')}",
            f"run ascend-vllm check {name}",
            ExitCode.FOUND,
        )
    if not stack.cluster.pools:
        raise CommandError(
            f"stack {stack.name} has no pools, so its NPUs are unknown",
            "list the nodes under cluster.pools",
        )


def refuse_broken(stack: ResolvedStack, name: str) -> None:
    """End the command if a part of what runs cannot be read.

    Raises:
        CommandError: The file cannot be read, or services have schema errors.
    """
    refuse_unreadable(stack, name)
    if stack.broken:
        raise CommandError(
            f"services of {name} have schema errors: {listed(stack.broken)}",
            "name the revision that was deployed last",
            ExitCode.COULD_NOT_RUN,
        )


def _refuse_unplaced(placed: Placed, stack: ResolvedStack) -> None:
    if placed.unplaced:
        raise CommandError(
            f"pods that run do not fit on the pools of {stack.name}: {listed(placed.unplaced)}",
            "change cluster.pools in a separate update",
            ExitCode.FOUND,
        )
