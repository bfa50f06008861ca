"""`ascend-vllm upgrade`: runs the plan of an update, step by step."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from cli import pulumi
from cli.commands.plan import base_of, planned_from
from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument, from_option
from cli.inputs.revision import Revision, revision
from cli.inputs.stacks import is_file, open_stack, project_directory
from cli.output.plan import PlanFormat, render_plan
from cli.output.plan.words import refusal, step_text
from cli.reach import KeyFileOption
from cli.upgrade.checks import next_launch, refuse_invalid_states
from cli.upgrade.comparison import hold_of
from cli.upgrade.kept_files import remove_kept_files, write_kept_files
from cli.upgrade.parallel_change import ended, unchanged_by_others
from cli.upgrade.state import Upgrade
from models.credentials import masked
from models.service.companion import companion_name
from models.stack_file.project import read_project
from plan import NoPlan, Step
from plan.progress import VERSION, Progress, progress_file, read_progress
from plan.whole_stack_file import StackFile, digest, read_stack_file

FromOption = Annotated[
    str | None,
    from_option("The commit that runs now (default: main, origin/main or HEAD)."),
]
UntilOption = Annotated[
    int | None,
    typer.Option("--until", metavar="STEP", min=1, help="Stop after this step."),
]
BackOption = Annotated[
    bool, typer.Option("--back", help="Undo the steps that have ended.")
]
PromoteOption = Annotated[
    str,
    typer.Option(
        "--promote",
        metavar="REASON",
        help="Go on although compare has held a service; the reason is recorded.",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show the steps, and run none.")
]


def command(  # noqa: PLR0913  each is an option of the command line
    stack: StackArgument,
    *,
    base: FromOption = None,
    until: UntilOption = None,
    back: BackOption = False,
    promote: PromoteOption = "",
    dry_run: DryRunOption = False,
    api_key_file: KeyFileOption = None,
) -> None:
    """Run the plan of an update, step by step.

    Each step is one `pulumi up` of a stack that `check` accepts. The last one
    applies the stack file itself. After an interruption or a failure, the same
    command continues with the step that has not ended. --back undoes the steps.
    It stops before a switch if compare holds the next launch of a service.

    Exit code 0 if all steps have ended, 1 if a step fails, if compare holds a
    service, if there is no plan, or if somebody else has changed the stack, 2 for
    wrong usage, 3 if something cannot be read.

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
    _refuse_combinations(begun, until=until, back=back, promote=promote)
    if begun is None:
        if dry_run:
            typer.echo(render_plan(planned_from(stack, base), PlanFormat.TEXT))
            return
        upgrade = _new(stack, base, project, file)
    else:
        upgrade = _continued(begun, project, file)
    upgrade = replace(upgrade, key_file=api_key_file)
    if promote and not dry_run:
        upgrade = _promoted(upgrade, promote)
    _show(upgrade)
    if dry_run:
        return
    goal = 0 if back else _goal(upgrade, until)
    _run(upgrade, goal)


def _goal(upgrade: Upgrade, until: int | None) -> int:
    """The number of steps that have ended when the command stops."""
    last = min(until or upgrade.last, upgrade.last)
    return max(last, upgrade.progress.done)


def _refuse_combinations(
    begun: Progress | None, *, until: int | None, back: bool, promote: str
) -> None:
    """Refuse options that contradict each other, or that need an upgrade which has begun."""
    if back and until:
        raise CommandError("--back cannot be used with --until", "remove one of them")
    if back and promote:
        raise CommandError("--back cannot be used with --promote", "remove one of them")
    if promote and begun is None:
        raise CommandError(
            "no upgrade has begun, so no comparison has held it", "leave out --promote"
        )
    if back and begun is None:
        raise CommandError(
            "no upgrade has begun, so there is nothing to undo",
            "revert the stack file, and run pulumi up",
        )


def _begun(file: Path) -> Progress | None:
    try:
        return read_progress(file)
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise CommandError(
            f"{file} cannot be read: {reason}",
            "restore the file, or delete it to begin again",
            ExitCode.COULD_NOT_RUN,
        ) from None


def _new(name: str, base: str | None, project: Path, file: Path) -> Upgrade:
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
        identity=token_hex(4),
    )
    upgrade = Upgrade(progress, file, project, stack, old, new=new)
    refuse_invalid_states(upgrade)
    return upgrade


def _continued(progress: Progress, project: Path, file: Path) -> Upgrade:
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
    return Upgrade(progress, file, project, open_stack(name), old, new=new)


def _files(name: str, project: Path, start: Revision) -> tuple[StackFile, StackFile]:
    new = read_stack_file(name, project)
    try:
        old = read_stack_file(name, project, start.read)
    except FileNotFoundError:
        old = replace(new, services={})
    return old, new


def _show(upgrade: Upgrade) -> None:
    """The steps, with those that have ended."""
    for number in range(1, upgrade.last + 1):
        mark = "done" if number <= upgrade.progress.done else "    "
        typer.echo(f"{mark}  {number}  {upgrade.title(number)}")


def _run(upgrade: Upgrade, goal: int) -> None:
    """Run steps, or undo them, until a number of them has ended.

    Raises:
        CommandError: A step fails, or somebody else has changed the stack.
    """
    directory = upgrade.file.parent
    name = upgrade.progress.stack
    write_kept_files(directory, name, upgrade.kept_files())
    while upgrade.progress.done != goal or upgrade.progress.target is not None:
        upgrade = unchanged_by_others(upgrade)
        upgrade = _run_step(upgrade, goal)
    if goal not in (0, upgrade.last):
        typer.echo(
            f"stopped after step {goal}; the same command without --until ends it"
        )
        return
    remove_kept_files(directory, name)
    upgrade.file.unlink()
    if goal == 0:
        typer.echo("the stack is as it was before the upgrade; revert the stack file")
        return
    typer.echo("the upgrade is complete")
    for service, reason in upgrade.progress.promoted.items():
        typer.echo(f"{service} was switched although compare held it: {reason}")


def _run_step(upgrade: Upgrade, goal: int) -> Upgrade:
    """The upgrade after its next step.

    Args:
        upgrade: The upgrade.
        goal: The number of steps in the end.

    Raises:
        CommandError: The step fails.
    """
    target = upgrade.progress.next_target(goal)
    is_back = upgrade.progress.is_back(target)
    number = target + 1 if is_back else target
    title = f"step {number} of {upgrade.last}: {upgrade.title(number)}"
    if is_back:
        title = f"undo {title}"
    typer.echo(title)
    step = upgrade.progress.step_to(target)
    if target != upgrade.progress.done:
        # Otherwise, a step that has begun in the other direction is undone: it stays the one that has begun.
        upgrade = upgrade.saved(target=target)
    if step and step.kind == "compare":
        return _compared(upgrade, step, target, is_back=is_back)
    if _up(upgrade, target, is_back=is_back) != 0:
        raise CommandError(
            f"step {number} of {upgrade.last} has not ended",
            "see the reason above; the same command continues with this step, and --back undoes it",
            ExitCode.FOUND,
        )
    return ended(upgrade, target)


def _up(upgrade: Upgrade, target: int, *, is_back: bool) -> int:
    """Run `pulumi up` of the stack after a number of steps, and return its exit code."""
    name = upgrade.progress.stack
    message = upgrade.message(upgrade.progress.begun, is_back=is_back)
    if target == upgrade.last:
        return pulumi.up(name, upgrade.project, message=message)
    text = upgrade.text(target, is_back=is_back)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / f"Pulumi.{name}.yaml"
        file.write_text(text, encoding="utf-8")
        return pulumi.up(name, upgrade.project, file, message)


def _compared(upgrade: Upgrade, step: Step, target: int, *, is_back: bool) -> Upgrade:
    """The upgrade after a comparison. On the way back, there is nothing to undo.

    Raises:
        CommandError: The comparison holds the next launch, or could not be made.
    """
    promoted = dict(upgrade.progress.promoted)
    promoted.pop(step.service, None)
    passed = {"done": target, "target": None, "held": "", "promoted": promoted}
    if is_back:
        return upgrade.saved(**passed)
    held = hold_of(next_launch(upgrade, step))
    if not held:
        return upgrade.saved(**passed)
    upgrade.saved(target=None, held=held)
    companion = companion_name(step.service)
    raise CommandError(
        f"the upgrade stops before step {target + 1}, because compare holds {companion}: {held}",
        f"{step.service} still answers. --back removes {companion}, the same command compares again, "
        "and --promote REASON goes on",
        ExitCode.FOUND,
    )


def _promoted(upgrade: Upgrade, reason: str) -> Upgrade:
    """The upgrade as if the comparison that held it had not.

    Raises:
        CommandError: No comparison has held the upgrade.
    """
    progress = upgrade.progress
    if not progress.held:
        raise CommandError(
            "no comparison has held the upgrade, so there is nothing to promote",
            "leave out --promote",
        )
    step = progress.steps[progress.done]
    reason = masked(" ".join(reason.split()))
    typer.echo(f"{step_text(step)}: promoted although compare held it: {reason}")
    return upgrade.saved(
        done=progress.done + 1,
        target=None,
        held="",
        promoted={**progress.promoted, step.service: reason},
    )
