"""Groups that lost a node. The rest of such a group waits until somebody decides about the node."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.diagnosis.lost_pods import node_lost
from cluster.groups.members import Group
from cluster.pods import node_of, npus
from cluster.snapshot import Object, Snapshot, name_of
from models.finding import Finding
from models.words import listed

_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
"""The taint with which Kubernetes deletes the pods of a node that is certainly off."""


def member_lost(
    groups: Sequence[Group], snapshot: Snapshot, resource: str
) -> tuple[Finding, Object] | None:
    """A member whose node does not answer, and how to get the group back.

    Args:
        groups: The groups of a service.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
    """
    for group in groups:
        for pod in group.members:
            lost = node_lost(pod, snapshot)
            if lost:
                return _explained(lost, pod, group, snapshot, resource), pod
    return None


def _explained(
    lost: Finding, pod: Object, group: Group, snapshot: Snapshot, resource: str
) -> Finding:
    node = node_of(pod)
    why = (
        "LeaderWorkerSet creates the group again only after all its pods have ended, and a pod ends only when its node"
        " reports it"
    )
    others = [
        other
        for other in group.members
        if node_of(other) != node and node_of(other) and npus(other, resource)
    ]
    if others:
        held = listed(
            [f"{node_of(other)} ({npus(other, resource)})" for other in others]
        )
        why += f"; until then the rest of the group keeps the NPUs of {held}"
    stuck = [name_of(other) for other in group.members if node_of(other) == node]
    fix = (
        "bring the node back, and the group starts again; if the node is certainly off, take one of three ways:"
        f" kubectl taint node {node} {_OUT_OF_SERVICE} (remove the taint when the node is back);"
        f" kubectl delete node {node};"
        f" kubectl -n {snapshot.namespace} delete pod {' '.join(stuck)} --force --grace-period=0"
    )
    return Finding("node-lost", "error", lost.message, why=why, fix=fix)
