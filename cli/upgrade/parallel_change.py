"""Whether somebody else has changed a stack since the last step of its upgrade."""

from __future__ import annotations

from collections.abc import Mapping

from cli.errors import CommandError, ExitCode
from cli.live import run
from cli.upgrade.state import Upgrade
from cluster.api.reader import connected
from cluster.update.replicas import live_replicas
from models.service.resolved import ResolvedStack


def refuse_parallel_change(upgrade: Upgrade, update: str) -> None:
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


async def _live_replicas(stack: ResolvedStack) -> dict[str, int]:
    cluster = stack.cluster
    async with connected(cluster.context, cluster.namespace.name) as reader:
        return await live_replicas(reader)
