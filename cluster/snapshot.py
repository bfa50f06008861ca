"""The state of a cluster at one moment, as plain objects, and how their common fields are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from models.manifests.metadata import INSTANCE_LABEL, NAME, NAME_LABEL

Object = Mapping[str, Any]
"""A Kubernetes object as JSON has it."""

SELECTOR = f"{NAME_LABEL}={NAME}"
"""The label selector of the services' objects."""


@dataclass(frozen=True)
class Snapshot:
    """The objects of a cluster at one moment. A list that could not be read is empty and named in `unread`."""

    at: datetime
    """When the snapshot was taken, by this machine's clock."""
    namespace: str
    """The namespace of the services."""
    deployments: tuple[Object, ...] = ()
    """Of the services."""
    replica_sets: tuple[Object, ...] = ()
    """Of the services."""
    leader_worker_sets: tuple[Object, ...] = ()
    """Of the services over several nodes. They are read only if the stack has such services."""
    pods: tuple[Object, ...] = ()
    """Of the services."""
    events: tuple[Object, ...] = ()
    """Of the namespace."""
    nodes: tuple[Object, ...] = ()
    """All nodes."""
    holders: tuple[Object, ...] = ()
    """The pods of all namespaces that have a node, and so may hold NPUs."""
    pod_groups: tuple[Object, ...] = ()
    """Volcano's PodGroups of the namespace."""
    cluster_groups: tuple[Object, ...] = ()
    """Volcano's PodGroups of all namespaces."""
    queues: tuple[Object, ...] = ()
    """Volcano's queues."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """The reason why objects could not be read, by the plural of their kind, such as `nodes`."""
    unknown_kinds: frozenset[str] = frozenset()
    """Those of `unread` that the cluster does not know, since the software that defines them is not installed."""
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The last log lines of each pod in trouble, by the pod's name."""

    def deployment(self, service: str) -> Object | None:
        """The Deployment of a service, or None."""
        for deployment in self.deployments:
            if name_of(deployment) == service:
                return deployment
        return None

    def leader_worker_set(self, service: str) -> Object | None:
        """The LeaderWorkerSet of a service, or None."""
        for group_set in self.leader_worker_sets:
            if instance_of(group_set) == service:
                return group_set
        return None

    def pods_of(self, service: str) -> list[Object]:
        """The pods of a service, the newest first."""
        pods = [pod for pod in self.pods if instance_of(pod) == service]
        return sorted(pods, key=_creation_timestamp, reverse=True)

    def events_of(self, item: Object) -> list[Object]:
        """The events about an object, the latest first."""
        events = [event for event in self.events if _is_about(event, item)]
        return sorted(events, key=moment, reverse=True)


def _creation_timestamp(item: Object) -> str:
    return str(item["metadata"].get("creationTimestamp", ""))


def _is_about(event: Object, item: Object) -> bool:
    target = event.get("involvedObject") or {}
    uid = item["metadata"].get("uid")
    if uid and target.get("uid"):
        return bool(target["uid"] == uid)
    if target.get("name") != name_of(item):
        return False
    kind = item.get("kind")
    return kind is None or target.get("kind") == kind


def name_of(item: Object) -> str:
    """The name of an object."""
    return str(item["metadata"]["name"])


def status_of(item: Object) -> Object:
    """The status of an object; empty if it has none."""
    return item.get("status") or {}


def labels_of(item: Object) -> Mapping[str, str]:
    """The labels of an object."""
    return item["metadata"].get("labels") or {}


def annotations_of(item: Object) -> Mapping[str, str]:
    """The annotations of an object."""
    return item["metadata"].get("annotations") or {}


def first_owner(item: Object) -> Object:
    """The first owner reference of an object; empty if it has none."""
    owners = item["metadata"].get("ownerReferences") or [{}]
    owner: Object = owners[0]
    return owner


def replicas_of(deployment: Object) -> int:
    """The number of pods that a Deployment requests; Kubernetes' default is 1."""
    spec = deployment.get("spec") or {}
    replicas = spec.get("replicas")
    if replicas is None:
        return 1
    return int(replicas)


def is_terminating(item: Object) -> bool:
    """Whether the deletion of an object was requested."""
    return bool(item["metadata"].get("deletionTimestamp"))


def is_selected(node: Object, selector: Mapping[str, str]) -> bool:
    """Whether a node has all labels of a node selector."""
    return selector.items() <= labels_of(node).items()


def instance_of(item: Object) -> str:
    """The service that an object belongs to; empty if it belongs to none."""
    labels = labels_of(item)
    if labels.get(NAME_LABEL) != NAME:
        return ""
    return str(labels.get(INSTANCE_LABEL, ""))


def moment(event: Object) -> datetime:
    """When an event happened last."""
    series = event.get("series") or {}
    timestamps = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    return instant(_first(timestamps))


def _first(texts: Iterable[str | None]) -> str | None:
    for text in texts:
        if text:
            return text
    return None


def instant(text: str | None) -> datetime:
    """A point in time as Kubernetes writes it; the beginning of 1970 if there is none."""
    if not text:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return datetime.fromisoformat(text)


def one_line(text: object) -> str:
    """A message of the cluster without line breaks and repeated spaces."""
    return " ".join(str(text).split())


def condition(item: Object, kind: str) -> Object:
    """A condition of an object's status; empty if it has none of this type."""
    conditions: Iterable[Object] = status_of(item).get("conditions") or []
    for candidate in conditions:
        if candidate.get("type") == kind:
            return candidate
    return {}


def has_condition(item: Object, kind: str) -> bool:
    """Whether a condition of an object's status is true."""
    return bool(condition(item, kind).get("status") == "True")
