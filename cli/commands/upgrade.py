"""`ascend-vllm upgrade`: runs the plan of an update, step by step."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from cli import pulumi
from cli.commands.plan import base_of, planned_from
from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument, from_option
from cli.inputs.revision import Revision, revision
from cli.inputs.stacks import is_file, open_stack, project_directory
from cli.live import run
from cli.output.plan import PlanFormat, render_plan
from cli.output.plan.words import refusal, step_text
from cluster.api.reader import connected
from cluster.update.replicas import live_replicas
from models.check import check
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text
from models.stack_file.project import read_project
from plan import NoPlan
from plan.progress import (
    VERSION,
    Progress,
    progress_file,
    read_progress,
    write_progress,
)
from plan.stack_files import (
    StackFile,
    digest,
    read_stack_file,
    text_after,
    text_before,
    undone,
)


@dataclass(frozen=True)
class _Upgrade:
    """An upgrade with everything that its steps need."""

    progress: Progress
    file: Path
    """The file with the progress."""
    project: Path
    stack: ResolvedStack
    """The wanted stack."""
    old: StackFile
    new: StackFile

    @property
    def last(self) -> int:
        """The number of the last step, which applies the stack file itself."""
        return len(self.progress.steps) + 1

    def saved(self, **changes: int | str | None) -> _Upgrade:
        """The upgrade after its progress was written."""
        progress = replace(self.progress, **changes)  # type: ignore[arg-type]  # the fields of Progress
        write_progress(self.file, progress)
        return replace(self, progress=progress)


def command(
    stack: StackArgument,
    base: Annotated[
        str | None,
        from_option("The commit that runs now (default: main, origin/main or HEAD)."),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option("--until", metavar="STEP", min=1, help="Stop after this step."),
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Undo the steps that have ended.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the steps, and run none.")
    ] = False,
) -> None:
    """Run the plan of an update, step by step.

    Each step is one `pulumi up` of a stack that `check` accepts. The last one
    applies the stack file itself. After an interruption or a failure, the same
    command continues with the step that has not ended. --back undoes the steps.

    Exit code 0 if all steps have ended, 1 if a step fails, if there is no plan, or
    if somebody else has changed the stack, 2 for wrong usage, 3 if something cannot
    be read.

    Examples:
      ascend-vllm upgrade prod --from HEAD~1 --dry-run
      ascend-vllm upgrade prod --until 2
      ascend-vllm upgrade prod --back
    """
    if stack == "-" or is_file(stack):
        raise CommandError(
            "upgrade runs a stack of the project", "name the stack, such as prod"
        )
    project = project_directory()
    directory = project / read_project(project).config_directory
    file = progress_file(directory, stack)
    begun = _begun(file)
    _refuse_combinations(begun, until=until, back=back)
    if begun is None:
        if dry_run:
            typer.echo(render_plan(planned_from(stack, base), PlanFormat.TEXT))
            return
        upgrade = _new(stack, base, project, file)
    else:
        upgrade = _continued(begun, project, file)
    _show(upgrade)
    if dry_run:
        return
    goal = 0 if back else _goal(upgrade, until)
    _run(upgrade, goal)


def _goal(upgrade: _Upgrade, until: int | None) -> int:
    """The number of steps that have ended when the command stops."""
    last = min(until or upgrade.last, upgrade.last)
    return max(last, upgrade.progress.done)


def _refuse_combinations(
    begun: Progress | None, *, until: int | None, back: bool
) -> None:
    """Refuse to undo an upgrade that has not begun."""
    if back and until:
        raise CommandError("--back cannot be used with --until", "remove one of them")
    if back and begun is None:
        raise CommandError(
            "no upgrade has begun, so there is nothing to undo",
            "revert the stack file, and run pulumi up",
        )


def _begun(file: Path) -> Progress | None:
    try:
        return read_progress(file)
    except (OSError, ValueError) as problem:
        raise CommandError(
            f"{file} cannot be read: {problem}",
            "restore the file, or delete it to begin again",
            ExitCode.COULD_NOT_RUN,
        ) from None


def _new(name: str, base: str | None, project: Path, file: Path) -> _Upgrade:
    """An upgrade that begins.

    Raises:
        CommandError: There is no plan.
    """
    start = base_of(name, base)
    plan = planned_from(name, base).stepwise.plan
    if isinstance(plan, NoPlan):
        raise CommandError(
            refusal(plan), f"run ascend-vllm plan {name}", ExitCode.FOUND
        )
    stack = open_stack(name)
    old, new = _files(name, project, start)
    progress = Progress(
        version=VERSION,
        stack=name,
        revision=start.commit,
        digest=digest(old, new),
        steps=plan.steps,
        before=plan.before,
        update=pulumi.last_update(name, project),
    )
    upgrade = _Upgrade(progress, file, project, stack, old, new=new)
    _refuse_invalid_states(upgrade)
    return upgrade


def _refuse_invalid_states(upgrade: _Upgrade) -> None:
    """End the command before the first step if `pulumi up` would refuse a later one.

    Raises:
        CommandError: `check` finds errors in the stack file of a step.
    """
    for number, step in enumerate(upgrade.progress.steps, start=1):
        text = text_after(upgrade.old, upgrade.new, step)
        loaded = load_text(
            upgrade.stack.name, upgrade.stack.file, text, project=upgrade.project
        )
        errors = check(resolve(loaded)).errors
        if errors:
            raise CommandError(
                f"pulumi up refuses the stack after step {number}: {errors[0].message}",
                errors[0].fix,
                ExitCode.FOUND,
            )


def _continued(progress: Progress, project: Path, file: Path) -> _Upgrade:
    """An upgrade that has begun.

    Raises:
        CommandError: The stack file was changed since.
    """
    name = progress.stack
    start = revision(progress.revision, project)
    old, new = _files(name, project, start)
    if digest(old, new) != progress.digest:
        raise CommandError(
            f"the stack file of {name} was changed since the upgrade began",
            f"restore it, or delete {file} and plan again with --live",
            ExitCode.FOUND,
        )
    return _Upgrade(progress, file, project, open_stack(name), old, new=new)


def _files(name: str, project: Path, start: Revision) -> tuple[StackFile, StackFile]:
    new = read_stack_file(name, project)
    try:
        old = read_stack_file(name, project, start.read)
    except FileNotFoundError:
        old = replace(new, services={})
    return old, new


def _show(upgrade: _Upgrade) -> None:
    """The steps, with those that have ended."""
    for number in range(1, upgrade.last + 1):
        mark = "done" if number <= upgrade.progress.done else "    "
        typer.echo(f"{mark}  {number}  {_title(upgrade, number)}")


def _run(upgrade: _Upgrade, goal: int) -> None:
    """Run steps, or undo them, until a number of them has ended.

    Raises:
        CommandError: A step fails, or somebody else has changed the stack.
    """
    while upgrade.progress.done != goal or upgrade.progress.target is not None:
        update = pulumi.last_update(upgrade.progress.stack, upgrade.project)
        _refuse_parallel_change(upgrade, update)
        upgrade = _run_step(upgrade, goal, update)
    if goal == upgrade.last:
        upgrade.file.unlink()
        typer.echo("the upgrade is complete")
    elif goal == 0:
        upgrade.file.unlink()
        typer.echo("the stack is as it was before the upgrade; revert the stack file")
    else:
        typer.echo(
            f"stopped after step {goal}; the same command without --until ends it"
        )


def _run_step(upgrade: _Upgrade, goal: int, update: str) -> _Upgrade:
    """The upgrade after its next step.

    Args:
        upgrade: The upgrade.
        goal: The number of steps in the end.
        update: When the stack's last update began.

    Raises:
        CommandError: The step fails.
    """
    target = upgrade.progress.next_target(goal)
    is_back = upgrade.progress.is_back(target)
    number = target + 1 if is_back else target
    title = f"step {number} of {upgrade.last}: {_title(upgrade, number)}"
    if is_back:
        title = f"undo {title}"
    typer.echo(title)
    upgrade = upgrade.saved(target=target, update=update)
    code = _up(upgrade, target, is_back=is_back)
    if code != 0:
        raise CommandError(
            f"step {number} of {upgrade.last} has not ended",
            "see the reason above; the same command continues with this step, and --back undoes it",
            ExitCode.FOUND,
        )
    update = pulumi.last_update(upgrade.progress.stack, upgrade.project)
    return upgrade.saved(done=target, target=None, update=update)


def _title(upgrade: _Upgrade, number: int) -> str:
    if number == upgrade.last:
        return "apply the stack file"
    return step_text(upgrade.progress.steps[number - 1])


def _up(upgrade: _Upgrade, target: int, *, is_back: bool) -> int:
    """Run `pulumi up` of the stack after a number of steps, and return its exit code."""
    name = upgrade.progress.stack
    if target == upgrade.last:
        return pulumi.up(name, upgrade.project)
    text = _text(upgrade, target, is_back=is_back)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / f"Pulumi.{name}.yaml"
        file.write_text(text, encoding="utf-8")
        return pulumi.up(name, upgrade.project, file)


def _text(upgrade: _Upgrade, target: int, *, is_back: bool) -> str:
    """The stack file after a number of steps, or on the way back to it."""
    if target == 0:
        return text_before(upgrade.old)
    steps = upgrade.progress.steps
    step = steps[target - 1]
    if is_back and target < len(steps):
        step = undone(steps[target], before=step)
    return text_after(upgrade.old, upgrade.new, step)


def _refuse_parallel_change(upgrade: _Upgrade, update: str) -> None:
    """End the command if the stack or its services are not as the last step left them.

    Args:
        upgrade: The upgrade.
        update: When the stack's last update began.

    Raises:
        CommandError: Somebody else has changed them.
    """
    progress = upgrade.progress
    if progress.target is None and update != progress.update:
        raise _changed_by_others(
            upgrade, f"its last update began at {update}, which is not that of a step"
        )
    live = run(_live_replicas(upgrade.stack), upgrade.stack.cluster.context)
    possible = [progress.replicas(progress.done)]
    if progress.target is not None:
        possible.append(progress.replicas(progress.target))
    for name, service in _scaled_services(upgrade).items():
        if service not in ("external", None) and not _is_one_of(name, live, possible):
            wanted = possible[0].get(name, 0)
            raise _changed_by_others(
                upgrade, f"{name} has {live.get(name, 0)} replicas instead of {wanted}"
            )


def _scaled_services(upgrade: _Upgrade) -> dict[str, object]:
    """The configured replicas of all services, by name."""
    found: dict[str, object] = {}
    for file in (upgrade.old, upgrade.new):
        for name, service in file.services.items():
            found[name] = service.get("replicas", 1)
    return found


def _is_one_of(
    name: str, live: Mapping[str, int], possible: list[Mapping[str, int]]
) -> bool:
    return any(live.get(name, 0) == replicas.get(name, 0) for replicas in possible)


def _changed_by_others(upgrade: _Upgrade, reason: str) -> CommandError:
    return CommandError(
        f"somebody else has changed the stack: {reason}",
        f"deploy the wanted stack, then delete {upgrade.file} and plan again with --live",
        ExitCode.FOUND,
    )


async def _live_replicas(stack: ResolvedStack) -> dict[str, int]:
    cluster = stack.cluster
    async with connected(cluster.context, cluster.namespace.name) as reader:
        return await live_replicas(reader)
