"""Volcano's PodGroups: which one a pod belongs to, and whose pods it holds."""

from __future__ import annotations

from cluster.snapshot import Object, Snapshot, annotations_of, first_owner, name_of
from models.manifests.pod import QUEUE_NAME

GROUP = "scheduling.k8s.io/group-name"
"""Annotation of a pod in which Volcano writes the name of its PodGroup."""


def group_name(pod: Object) -> str:
    """The name of a pod's PodGroup; empty if it has none."""
    return str(annotations_of(pod).get(GROUP) or "")


def group_of(pod: Object, snapshot: Snapshot) -> Object | None:
    """The PodGroup of a pod."""
    name = group_name(pod)
    if not name:
        return None
    for group in snapshot.pod_groups:
        if name_of(group) == name:
            return group
    return None


def min_member(group: Object) -> int:
    """The number of pods that Volcano starts together."""
    spec = group.get("spec") or {}
    return int(spec.get("minMember") or 1)


def queue_of(pod: Object, snapshot: Snapshot) -> str:
    """The queue of a pod: from its annotation, otherwise from its PodGroup."""
    annotated = annotations_of(pod).get(QUEUE_NAME)
    if annotated:
        return str(annotated)
    group = group_of(pod, snapshot)
    if group is None:
        return "default"
    spec = group.get("spec") or {}
    return str(spec.get("queue") or "default")


def owner_of(group: Object, snapshot: Snapshot) -> str:
    """The owner of a PodGroup: a service of the namespace, otherwise `namespace/owner`."""
    namespace = group["metadata"].get("namespace")
    owner = first_owner(group)
    name = str(owner.get("name") or name_of(group))
    if owner.get("kind") == "ReplicaSet":
        name = name.rpartition("-")[0]
    if namespace == snapshot.namespace:
        return name
    return f"{namespace}/{name}"
