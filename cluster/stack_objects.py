"""The objects of a stack as they are in its cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cluster.errors import ClusterError
from cluster.snapshot import Object

BESIDE = ("PodDisruptionBudget", "NetworkPolicy", "PodMonitor", "PrometheusRule")
"""Kinds of what a service may ask for beside its pods."""

_NOT_FOR_ALL = ("Namespace", "Queue", "Secret", *BESIDE)
"""Kinds that not everybody may read, or that the cluster may lack."""


class Reader(Protocol):
    """What can be read of the objects in a cluster."""

    async def made(self) -> Sequence[Object]:
        """The Deployments, Services and launch maps of the services."""

    async def labelled(self, kind: str) -> Sequence[Object]:
        """The objects of a kind that the program's label is on; none where the cluster does not know the kind."""

    async def named(self, kind: str, name: str) -> Object | None:
        """An object by its name, or None when there is none."""

    async def autoscalers(self) -> Sequence[Object]:
        """The HorizontalPodAutoscalers of the namespace."""


@dataclass(frozen=True)
class Made:
    """The objects of a stack in a cluster."""

    objects: tuple[Object, ...]
    """Those with the program's label, and those that were asked for by name."""
    autoscaled: frozenset[str] = frozenset()
    """Deployments whose replicas a HorizontalPodAutoscaler sets."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """What could not be read, `horizontalpodautoscalers`, and why."""


async def read_made(reader: Reader, wanted: Sequence[tuple[str, str]]) -> Made:
    """Read the objects that the program's label is on, and those by name that have it no more, or never had.

    Args:
        reader: The cluster.
        wanted: Kinds and names of the objects of the stack.

    Raises:
        ClusterError: The objects of the services cannot be read. Of the others it is said in `unread`.
    """
    objects = [*await reader.made()]
    unread: dict[str, str] = {}
    for kind in BESIDE:
        try:
            objects += await reader.labelled(kind)
        except ClusterError as problem:
            if not problem.forbidden:
                raise
            unread[kind] = problem.message
    there = {(item["kind"], item["metadata"]["name"]) for item in objects}
    for kind, name in dict.fromkeys([*wanted, *_used_maps(objects)]):
        if (kind, name) in there:
            continue
        if kind in unread:
            unread[f"{kind} {name}"] = unread[kind]
            continue
        try:
            found = await reader.named(kind, name)
        except ClusterError as problem:
            if kind not in _NOT_FOR_ALL or problem.passing or problem.unknown_user:
                raise
            unread[f"{kind} {name}"] = problem.message
            continue
        objects += [found] if found else []
    return Made(tuple(objects), await _autoscaled(reader, unread), unread)


def _used_maps(objects: Sequence[Object]) -> list[tuple[str, str]]:
    """The ConfigMaps that the Deployments use, which may be somebody's own."""
    return [
        ("ConfigMap", volume["configMap"]["name"])
        for item in objects
        if item["kind"] == "Deployment"
        for volume in item["spec"]["template"]["spec"].get("volumes") or []
        if volume.get("configMap", {}).get("name")
    ]


async def _autoscaled(reader: Reader, unread: dict[str, str]) -> frozenset[str]:
    try:
        found = await reader.autoscalers()
    except ClusterError as problem:
        if problem.passing or problem.unknown_user:
            raise
        unread["horizontalpodautoscalers"] = problem.message
        return frozenset()
    targets = (item["spec"].get("scaleTargetRef") or {} for item in found)
    return frozenset(str(target.get("name")) for target in targets if target.get("kind") == "Deployment")
