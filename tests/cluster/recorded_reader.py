"""A reader that returns prepared objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster.api.errors import ClusterError
from cluster.live_objects import ADDITIONAL_KINDS
from cluster.snapshot import Object, instance_of


@dataclass
class ObjectReader:
    """Returns objects by label or by name, and records the names that were read; an error is raised."""

    objects: Sequence[Object] = ()
    targets: Sequence[str] = ()
    """Deployments whose replicas autoscalers set."""
    errors: Mapping[str, ClusterError] = field(default_factory=dict)
    """Errors by `service_objects`, `autoscalers` or a kind."""
    asked: list[str] = field(default_factory=list)

    async def service_objects(self) -> Sequence[Object]:
        self._fail("service_objects")
        return [item for item in self.objects if instance_of(item) and item["kind"] not in ADDITIONAL_KINDS]

    async def labelled(self, kind: str) -> Sequence[Object]:
        self._fail(kind)
        return [item for item in self.objects if instance_of(item) and item["kind"] == kind]

    async def named(self, kind: str, name: str) -> Object | None:
        self.asked.append(f"{kind} {name}")
        self._fail(kind)
        return next((i for i in self.objects if (i["kind"], i["metadata"]["name"]) == (kind, name)), None)

    async def autoscalers(self) -> Sequence[Object]:
        self._fail("autoscalers")
        return [_autoscaler(name) for name in self.targets]

    def _fail(self, what: str) -> None:
        if what in self.errors:
            raise self.errors[what]


def _autoscaler(name: str) -> dict[str, Any]:
    return {"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"kind": "Deployment", "name": name}}}
