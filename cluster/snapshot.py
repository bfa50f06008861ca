"""What was seen of a cluster at one moment, as plain objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from models.manifests.metadata import INSTANCE_LABEL, NAME, NAME_LABEL

Object = Mapping[str, Any]
"""A Kubernetes object as JSON has it."""

SELECTOR = f"{NAME_LABEL}={NAME}"
"""The label that tells the services' objects from all others."""


@dataclass(frozen=True)
class Seen:
    """A look at a cluster. What could not be read is empty here and said in `unread`."""

    at: datetime
    """When, by this machine's clock."""
    namespace: str
    """The namespace of the services."""
    deployments: tuple[Object, ...] = ()
    """Of the services."""
    replica_sets: tuple[Object, ...] = ()
    """Of the services."""
    pods: tuple[Object, ...] = ()
    """Of the services."""
    events: tuple[Object, ...] = ()
    """Of the namespace."""
    nodes: tuple[Object, ...] = ()
    """All nodes."""
    holders: tuple[Object, ...] = ()
    """All pods of the cluster, whosever they are, that a node is given to and that may hold NPUs."""
    pod_groups: tuple[Object, ...] = ()
    """Volcano's, of the namespace."""
    cluster_groups: tuple[Object, ...] = ()
    """Volcano's, of the whole cluster."""
    queues: tuple[Object, ...] = ()
    """Volcano's."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Kinds that could not be read, `nodes`, and why."""
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Last lines of the container to blame, by pod."""

    def deployment(self, service: str) -> Object | None:
        """The Deployment of a service."""
        return next((found for found in self.deployments if name_of(found) == service), None)

    def pods_of(self, service: str) -> list[Object]:
        """The pods of a service, the newest first."""
        mine = [pod for pod in self.pods if instance_of(pod) == service]
        return sorted(mine, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)

    def events_of(self, item: Object) -> Iterator[Object]:
        """The events about an object, the latest first."""
        uid, name, kind = (item["metadata"].get("uid"), name_of(item), item.get("kind"))
        mine = [event for event in self.events if _concerns(event.get("involvedObject") or {}, uid, name, kind)]
        yield from sorted(mine, key=moment, reverse=True)


def _concerns(target: Object, uid: str | None, name: str, kind: str | None) -> bool:
    if uid and target.get("uid"):
        return bool(target["uid"] == uid)
    return target.get("name") == name and (kind is None or target.get("kind") == kind)


def name_of(item: Object) -> str:
    """The name of an object."""
    return str(item["metadata"]["name"])


def instance_of(item: Object) -> str:
    """The service that an object belongs to; empty when it belongs to none."""
    labels = item["metadata"].get("labels") or {}
    return str(labels.get(INSTANCE_LABEL, "")) if labels.get(NAME_LABEL) == NAME else ""


def moment(event: Object) -> datetime:
    """When an event happened last."""
    series = event.get("series") or {}
    given = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return instant(given or event["metadata"].get("creationTimestamp"))


def instant(text: str | None) -> datetime:
    """A point in time as Kubernetes writes it; the beginning of time when there is none."""
    return datetime.fromisoformat(text) if text else datetime(1970, 1, 1, tzinfo=UTC)


def condition(item: Object, kind: str) -> Object:
    """A condition of an object's status; empty when it is not there."""
    conditions = (item.get("status") or {}).get("conditions") or []
    return next((found for found in conditions if found.get("type") == kind), {})
