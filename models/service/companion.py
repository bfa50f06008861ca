"""The second service of an update with `update: compare`: the next launch beside the present one."""

from __future__ import annotations

from models.service.resolved import ResolvedService
from models.stack_file.keys.update import UpdateByComparison

_SUFFIX = "-next"

OWN_KEYS = ("rollout", "update", "answeredBy", "expose")
"""Keys of a service that its companion does not have: it is not updated, and only the Service of the service itself is
reached from outside of the cluster."""


def companion_name(service: str) -> str:
    """The name of the second service."""
    return service + _SUFFIX


def companion_replicas(service: ResolvedService) -> int:
    """The pods of the second service; 0 if the launch is replaced in place."""
    update = service.update
    if not isinstance(update, UpdateByComparison):
        return 0
    if update.replicas is None:
        return service.replicas
    return update.replicas
