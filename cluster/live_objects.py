"""The objects of a stack that exist in its cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cluster.api.errors import ClusterError
from cluster.snapshot import Object, name_of
from models.manifests.workload import serving_template

ADDITIONAL_KINDS = (
    "PodDisruptionBudget",
    "NetworkPolicy",
    "PodMonitor",
    "PrometheusRule",
)
"""Kinds of the optional objects of a service."""

_GROUPS = "LeaderWorkerSet"
"""The kind of the groups of services over several nodes."""

_MAY_BE_UNREADABLE = ("Namespace", "Queue", "Secret", _GROUPS, *ADDITIONAL_KINDS)
"""Kinds that not every user may read, or that the cluster may lack."""

Key = tuple[str, str]
"""Kind and name of an object."""


class Reader(Protocol):
    """The reads of the objects of a stack."""

    async def service_objects(self) -> Sequence[Object]:
        """The Deployments, Services and launch ConfigMaps of the services."""

    async def labelled(self, kind: str) -> Sequence[Object]:
        """The objects of a kind that have the program's label; none if the cluster does not know the kind."""

    async def named(self, kind: str, name: str) -> Object | None:
        """An object by its name, or None."""

    async def autoscalers(self) -> Sequence[Object]:
        """The HorizontalPodAutoscalers of the namespace."""


@dataclass(frozen=True)
class LiveObjects:
    """The objects of a stack in its cluster."""

    objects: tuple[Object, ...]
    """Objects with the program's label, and objects that were read by name."""
    autoscaled: frozenset[str] = frozenset()
    """Deployments and LeaderWorkerSets whose replicas a HorizontalPodAutoscaler sets."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """The reason why something could not be read, by its kind (and name), such as `horizontalpodautoscalers`."""


async def read_live_objects(reader: Reader, keys: Sequence[Key]) -> LiveObjects:
    """Read all objects with the program's label, and by name those that lost the label or never had it.

    Args:
        reader: The cluster.
        keys: Kinds and names of the objects of the stack.

    Raises:
        ClusterError: The objects of the services cannot be read. Other objects are named in `unread`.
    """
    objects = [*await reader.service_objects()]
    unread: dict[str, str] = {}
    needs_groups = any(kind == _GROUPS for kind, _ in keys)
    for kind in (*ADDITIONAL_KINDS, _GROUPS):
        try:
            objects += await reader.labelled(kind)
        except ClusterError as problem:
            if not problem.forbidden:
                raise
            if kind != _GROUPS or needs_groups:
                unread[kind] = problem.message

    known = {(item["kind"], name_of(item)) for item in objects}
    missing = [key for key in (*keys, *_used_config_maps(objects)) if key not in known]
    for kind, name in dict.fromkeys(missing):
        if kind in unread:
            unread[f"{kind} {name}"] = unread[kind]
            continue
        item = await _named(reader, kind, name, unread)
        if item:
            objects.append(item)
    return LiveObjects(
        objects=tuple(objects),
        autoscaled=await _autoscaled(reader, unread),
        unread=unread,
    )


def _used_config_maps(objects: Iterable[Object]) -> list[Key]:
    """The ConfigMaps that the pods mount; somebody else may have created them."""
    keys = []
    for item in objects:
        if item["kind"] not in ("Deployment", _GROUPS):
            continue
        for volume in serving_template(item)["spec"].get("volumes") or []:
            name = volume.get("configMap", {}).get("name")
            if name:
                keys.append(("ConfigMap", name))
    return keys


async def _named(
    reader: Reader,
    kind: str,
    name: str,
    unread: dict[str, str],
) -> Object | None:
    """An object; None if it does not exist or, with the reason in `unread`, may not be read."""
    try:
        return await reader.named(kind, name)
    except ClusterError as problem:
        if kind not in _MAY_BE_UNREADABLE or problem.passing or problem.unknown_user:
            raise
        unread[f"{kind} {name}"] = problem.message
        return None


async def _autoscaled(reader: Reader, unread: dict[str, str]) -> frozenset[str]:
    try:
        autoscalers = await reader.autoscalers()
    except ClusterError as problem:
        if problem.passing or problem.unknown_user:
            raise
        unread["horizontalpodautoscalers"] = problem.message
        return frozenset()
    names = set()
    for autoscaler in autoscalers:
        target = autoscaler["spec"].get("scaleTargetRef") or {}
        if target.get("kind") in ("Deployment", _GROUPS):
            names.add(str(target.get("name")))
    return frozenset(names)
