"""How a service is updated, in words."""

from __future__ import annotations

from collections.abc import Sequence

from models.service.deadlines import downtime, pair_downtime
from models.service.resolved import ResolvedService
from models.stack_file.keys.operation import Recreate
from models.words import counted, duration


def rollout_in_words(service: ResolvedService) -> str:
    """The rollout as a separate line: `rollout: surge 1, no downtime`."""
    return f"rollout: {update_in_words(service)}"


def update_in_words(service: ResolvedService) -> str:
    """How a service is updated, why, and how long it does not answer."""
    reason = ""
    source = service.origins["rollout.kind"].source
    if source != "default":
        reason = f" ({source})"
    return f"{_order(service)}{reason}, {_interruption(downtime(service))}"


def pair_in_words(services: Sequence[ResolvedService]) -> str:
    """How long two services that are one do not answer while they are updated."""
    return f"rollout: both at the same time, {_interruption(pair_downtime(services))}"


def _interruption(seconds: int) -> str:
    if seconds == 0:
        return "no downtime"
    return f"downtime up to {duration(seconds)}"


def _order(service: ResolvedService) -> str:
    rollout = service.rollout
    if isinstance(rollout, Recreate):
        return "delete old pods first"
    if rollout.max_surge:
        return f"surge {rollout.max_surge}"
    if service.group:
        groups = counted(rollout.max_unavailable, "group")
        return f"delete old pods first, {groups} at a time"
    pods = counted(rollout.max_unavailable, "pod")
    return f"delete old pods first, {pods} at a time"
