"""Whether somebody else has changed a stack since the last step of its upgrade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cli import pulumi
from cli.errors import CommandError, ExitCode
from cli.live import run
from cli.upgrade.state import Upgrade
from cluster.api.reader import connected
from cluster.update.live_services import LiveServices, live_services
from models.service.resolved import ResolvedStack


def unchanged_by_others(upgrade: Upgrade) -> Upgrade:
    """The upgrade, after the stack and its services were compared with what the last step left.

    Raises:
        CommandError: Somebody else has changed them.
    """
    update = refuse_foreign_update(upgrade)
    live = run(_live_services(upgrade.stack), upgrade.stack.cluster.context)
    for problem in _changes(upgrade, live):
        raise _changed_by_others(upgrade, problem)
    if upgrade.progress.target is not None:
        return upgrade.saved(update=update)
    return upgrade.saved(update=update, pods=live.pods, selectors=live.selectors)


def ended(upgrade: Upgrade, done: int) -> Upgrade:
    """The upgrade after a step has ended.

    Raises:
        CommandError: Somebody else has updated the stack meanwhile.
    """
    update = refuse_foreign_update(upgrade)
    live = run(_live_services(upgrade.stack), upgrade.stack.cluster.context)
    return upgrade.saved(
        done=done,
        target=None,
        update=update,
        pods=live.pods,
        selectors=live.selectors,
    )


def refuse_foreign_update(upgrade: Upgrade) -> str:
    """End the command if an update of the stack is not one of the step that has begun.

    Returns:
        When the last update began; empty if there is none.

    Raises:
        CommandError: Somebody else has updated the stack.
    """
    progress = upgrade.progress
    updates = pulumi.updates(progress.stack, upgrade.project)
    step = ""
    if progress.target is not None:
        step = upgrade.marker(progress.begun)
    for past in updates:
        if past.start == progress.update:
            break
        if not step or step not in past.message:
            which = "last update" if past is updates[0] else "update"
            problem = f"its {which} began at {past.start}, which is not that of a step"
            raise _changed_by_others(upgrade, problem)
    return updates[0].start if updates else ""


def _changes(upgrade: Upgrade, live: LiveServices) -> Iterator[str]:
    """What somebody else has changed in the cluster."""
    progress = upgrade.progress
    possible = [progress.replicas(progress.done)]
    if progress.target is not None:
        possible.append(progress.replicas(progress.target))
    for name, service in _scaled_services(upgrade).items():
        is_scaled = service not in ("external", None)
        if is_scaled and not _is_one_of(name, live.replicas, possible):
            wanted = possible[0].get(name, 0)
            yield f"{name} has {live.replicas.get(name, 0)} replicas instead of {wanted}"
    moving = progress.moving()
    for name in _differences(progress.pods, live.pods, moving):
        yield f"{name} has another pod template"
    for name in _differences(progress.selectors, live.selectors, moving):
        yield f"the Service of {name} selects other pods"


def _differences(
    before: Mapping[str, str], now: Mapping[str, str], moving: frozenset[str] | None
) -> Iterator[str]:
    """The names with another hash, without those that the step changes which has begun.

    Args:
        before: The hashes after the last step.
        now: The hashes now.
        moving: The services that the step may change; None if it may change all.
    """
    if moving is None:
        return
    for name, value in before.items():
        if name not in moving and now.get(name) != value:
            yield name


def _scaled_services(upgrade: Upgrade) -> dict[str, object]:
    """The configured replicas of all services and companions, by name."""
    found: dict[str, object] = {}
    for file in (upgrade.old, upgrade.new):
        for name, service in file.services.items():
            found[name] = service.get("replicas", 1)
    for step in upgrade.progress.steps:
        for companion in step.companions:
            found[companion] = 1
    return found


def _is_one_of(
    name: str, live: Mapping[str, int], possible: list[Mapping[str, int]]
) -> bool:
    return any(live.get(name, 0) == replicas.get(name, 0) for replicas in possible)


def _changed_by_others(upgrade: Upgrade, reason: str) -> CommandError:
    return CommandError(
        f"somebody else has changed the stack: {reason}",
        f"deploy the wanted stack, then delete {upgrade.file} and plan again with --live",
        ExitCode.FOUND,
    )


async def _live_services(stack: ResolvedStack) -> LiveServices:
    cluster = stack.cluster
    async with connected(cluster.context, cluster.namespace.name) as reader:
        return await live_services(reader)
