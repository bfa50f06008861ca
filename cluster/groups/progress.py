"""Whether the groups of a service are ready.

The set's condition `Available` is not enough: it is stale after a change, while the pods of a group are being
recreated, and while the controller does not run. So the counts, the generation and the pods themselves decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.groups.members import (
    Group,
    counts,
    groups_of,
    limit_of,
    revision,
)
from cluster.pods import created
from cluster.snapshot import (
    Object,
    has_condition,
    replicas_of,
    status_of,
)


def is_settled(group_set: Object | None, pods: Iterable[Object]) -> bool:
    """Whether all groups of a set have its current template, all their members are ready, and no other group exists.

    Args:
        group_set: The LeaderWorkerSet; None if it does not exist.
        pods: The pods of its service.
    """
    if group_set is None or not is_observed(group_set):
        return False
    replicas = replicas_of(group_set)
    existing, ready, updated = counts(
        group_set, "replicas", "readyReplicas", "updatedReplicas"
    )
    held_back = min(limit_of(group_set, "partition"), replicas)
    if not existing == ready == replicas or updated < replicas - held_back:
        return False
    if replicas and not has_condition(group_set, "Available"):
        return False
    groups = groups_of(pods)
    return len(groups) == replicas and all(group.is_ready for group in groups)


def is_observed(group_set: Object) -> bool:
    """Whether the status of a set belongs to its current spec."""
    observed = status_of(group_set).get("observedGeneration") or 0
    generation = group_set["metadata"].get("generation") or 0
    return int(observed) >= int(generation)


def with_current_template(group_set: Object, groups: Sequence[Group]) -> list[Group]:
    """Those of the groups that were created from the current template of their set."""
    existing, updated = counts(group_set, "replicas", "updatedReplicas")
    if not updated or not is_observed(group_set):
        return []
    if updated == existing:
        return list(groups)
    pods = [pod for group in groups for pod in group.members]
    newest = revision(max(pods, key=created)) if pods else ""
    return [group for group in groups if revision(group.members[0]) == newest]


def is_updating(group_set: Object) -> bool:
    """Whether the controller replaces groups."""
    return has_condition(group_set, "UpdateInProgress")
