"""The groups of a LeaderWorkerSet and their members: one leader, and the workers that make up the rest of its server.

The labels and annotations are those of LeaderWorkerSet 0.9 (api/leaderworkerset/v1/leaderworkerset_types.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cluster.pods import is_over, is_ready, node_of
from cluster.snapshot import (
    Object,
    annotations_of,
    labels_of,
    name_of,
    status_of,
)

_PREFIX = "leaderworkerset.sigs.k8s.io"
SET = f"{_PREFIX}/name"
"""Label of a member with the name of its set."""
_GROUP_INDEX = f"{_PREFIX}/group-index"
_WORKER_INDEX = f"{_PREFIX}/worker-index"
_REVISION = f"{_PREFIX}/template-revision-hash"
SIZE = f"{_PREFIX}/size"
"""Annotation of a member with the size of its group."""
LEADER = {_WORKER_INDEX: "0", _REVISION: "0"}
"""Labels that the controller gives to a leader before its webhook sees it."""


@dataclass(frozen=True)
class Group:
    """One server over several nodes."""

    index: int
    members: tuple[Object, ...]
    """The pods that exist, the leader first."""

    @property
    def size(self) -> int:
        """The number of members that the group has to have."""
        sizes = [int(annotations_of(pod).get(SIZE) or 1) for pod in self.members]
        return max(sizes, default=1)

    @property
    def is_ready(self) -> bool:
        """Whether all members exist and are ready."""
        are_ready = all(is_ready(pod) for pod in self.members)
        return are_ready and len(self.members) == self.size

    @property
    def pending(self) -> list[Object]:
        """The members without a node."""
        return [pod for pod in self.members if not node_of(pod) and not is_over(pod)]


def is_member(pod: Object) -> bool:
    """Whether a pod is a member of a group."""
    return SET in labels_of(pod)


def groups_of(pods: Iterable[Object]) -> list[Group]:
    """The groups that pods of one service make up, by their index. Pods of no group are left out."""
    members: dict[int, list[Object]] = {}
    for pod in pods:
        if is_member(pod):
            members.setdefault(_index(pod, _GROUP_INDEX), []).append(pod)
    groups = []
    for index, pods_of_group in sorted(members.items()):
        by_rank = sorted(pods_of_group, key=rank)
        groups.append(Group(index, tuple(by_rank)))
    return groups


def rank(pod: Object) -> int:
    """The number of a member in its group: 0 is the leader."""
    return _index(pod, _WORKER_INDEX)


def group_index(pod: Object) -> int:
    """The number of a member's group."""
    return _index(pod, _GROUP_INDEX)


def revision(pod: Object) -> str:
    """The hash of the template that a member was created from."""
    return labels_of(pod).get(_REVISION, "")


def _index(pod: Object, label: str) -> int:
    return int(labels_of(pod).get(label) or 0)


def title(pod: Object, groups: int) -> str:
    """A member in words: `leader`, `worker 1`, `worker 1 of group 2`.

    Args:
        pod: The member.
        groups: The number of groups of its service. The group is named only if there are several.
    """
    number = rank(pod)
    words = "leader" if number == 0 else f"worker {number}"
    if groups > 1:
        words += f" of group {group_index(pod)}"
    return words


def size_of(group_set: Object) -> int:
    """The members of each group that a set requests."""
    template = group_set["spec"].get("leaderWorkerTemplate") or {}
    return int(template.get("size") or 1)


def limit_of(group_set: Object, name: str) -> int:
    """A number of the rollout of a set: `maxSurge`, `maxUnavailable`, `partition`; 0 for a percentage."""
    strategy: Mapping[str, object] = group_set["spec"].get("rolloutStrategy") or {}
    limits = strategy.get("rollingUpdateConfiguration") or {}
    if not isinstance(limits, Mapping):
        return 0
    value = limits.get(name)
    return value if isinstance(value, int) else 0


def counts(group_set: Object, *names: str) -> Sequence[int]:
    """Numbers of the status of a set; the API server leaves out those that are 0."""
    status = status_of(group_set)
    return [int(status.get(name) or 0) for name in names]


def stateful_sets_of(group_set: Object, groups: int) -> list[str]:
    """The names of the StatefulSets that create the pods: one of all leaders, one of the workers of each group."""
    name = name_of(group_set)
    return [name, *(f"{name}-{index}" for index in range(groups))]
