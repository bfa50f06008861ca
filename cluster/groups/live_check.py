"""Whether a cluster can run groups: its LeaderWorkerSet controller, gang scheduling, and room for one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cluster.api.errors import ClusterError
from cluster.groups.members import LEADER, SET, SIZE
from cluster.npus.usage import offered
from cluster.pod_groups import GROUP
from cluster.snapshot import Object, annotations_of, is_selected
from models.finding import Finding, Mark
from models.manifests.kinds import LEADER_WORKER_SET
from models.service.resolved import ResolvedService, ResolvedStack
from models.words import counted

_INSTALL = (
    "install LeaderWorkerSet 0.9.0 (https://lws.sigs.k8s.io/docs/installation/), and set"
    " gangSchedulingManagement.schedulerProvider: volcano in its configuration"
)
_PROBE = "ascend-vllm-probe"
_CONTAINERS = [{"name": _PROBE, "image": _PROBE}]
_SET = {
    "apiVersion": LEADER_WORKER_SET,
    "kind": "LeaderWorkerSet",
    "metadata": {"name": _PROBE},
    "spec": {
        "leaderWorkerTemplate": {
            "workerTemplate": {"spec": {"containers": _CONTAINERS}}
        }
    },
}
_LEADER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": f"{_PROBE}-0",
        "labels": {**LEADER, SET: _PROBE},
        "annotations": {SIZE: "2"},
    },
    "spec": {"containers": _CONTAINERS},
}


class Reader(Protocol):
    """The reads of a check of groups."""

    async def kinds(self, group: str) -> frozenset[str]:
        """The kinds that the cluster knows of an API group."""

    async def dry_run(self, plural: str, item: Mapping[str, Any]) -> Object:
        """An object as the API server would create it. Nothing is created."""


@dataclass(frozen=True)
class GroupAnswers:
    """The state of the LeaderWorkerSet controller of a cluster."""

    is_installed: bool = True
    """Whether the cluster knows LeaderWorkerSets."""
    problem: str = ""
    """Why the controller does not answer; empty if it does."""
    has_gangs: bool = True
    """Whether it puts the pods of a group into one PodGroup."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """The reason why something could not be read, by its name."""


async def read_group_answers(reader: Reader) -> GroupAnswers:
    """Ask the controller by two dry runs, which pass through its webhooks and create nothing.

    Its webhook fills in the defaults of a set, and the annotation of a leader with the name of its PodGroup if its
    scheduler provider is on.

    Raises:
        ClusterError: The cluster does not answer, or does not accept the credentials.
    """
    if "LeaderWorkerSet" not in await reader.kinds(LEADER_WORKER_SET):
        return GroupAnswers(is_installed=False)
    try:
        group_set = await reader.dry_run("leaderworkersets", _SET)
        if not (group_set["spec"].get("networkConfig") or {}).get("subdomainPolicy"):
            return GroupAnswers(problem="its webhooks are not installed")
        leader = await reader.dry_run("pods", _LEADER)
    except ClusterError as problem:
        if problem.unknown_user:
            raise
        if "failed calling webhook" in problem.message:
            return GroupAnswers(problem=problem.message)
        if not problem.forbidden:
            raise
        return GroupAnswers(unread={"the LeaderWorkerSet controller": problem.message})
    return GroupAnswers(has_gangs=GROUP in annotations_of(leader))


def group_findings(
    stack: ResolvedStack, answers: GroupAnswers, nodes: Sequence[Object] | None
) -> Iterator[Finding]:
    """Everything in the cluster that keeps the groups of a stack from running; pure.

    Args:
        stack: The stack.
        answers: What the controller answered.
        nodes: All nodes; None if they could not be read.
    """
    services = grouped(stack)
    if not services:
        return
    yield from _controller(services[0], answers)
    if nodes is None:
        return
    for service in services:
        yield from _room(service, nodes)


def grouped(stack: ResolvedStack) -> list[ResolvedService]:
    """The services over several nodes."""
    return [service for service in stack.services if service.nodes > 1]


def _controller(service: ResolvedService, answers: GroupAnswers) -> Iterator[Finding]:
    if not answers.is_installed:
        yield _finding(
            service,
            "no-leader-worker-set",
            "the cluster has no LeaderWorkerSet",
            why="its controller creates the pods of a service over several nodes; without it, the update is refused",
            fix=_INSTALL,
        )
        return
    if answers.problem:
        yield _finding(
            service,
            "group-controller-down",
            f"the LeaderWorkerSet controller does not answer: {answers.problem}",
            why="the API server asks it about each LeaderWorkerSet and each of their pods, and refuses them meanwhile",
            fix="start it: kubectl -n lws-system get pods",
        )
        return
    if not answers.has_gangs:
        yield _finding(
            service,
            "gang-scheduling-off",
            "the LeaderWorkerSet controller creates no PodGroups",
            why="Volcano then starts the pods of a group one by one: a leader takes a node and waits for workers that"
            " have none",
            fix="write gangSchedulingManagement: {schedulerProvider: volcano} in the controller's configuration"
            " (ConfigMap lws-manager-config in lws-system), give it the rights on PodGroups (config/components/volcano"
            " of its release), and restart it",
        )


def _room(service: ResolvedService, nodes: Sequence[Object]) -> Iterator[Finding]:
    """Fewer nodes than one group of a service needs."""
    platform = service.cluster.platform
    matching = [node for node in nodes if is_selected(node, platform.node_selector)]
    places = sum(offered(node, platform.resource) // service.npus for node in matching)
    if not matching or places >= service.nodes:
        return
    yield _finding(
        service,
        "group-too-large",
        f"a group of {service.name} needs {service.nodes} nodes with {counted(service.npus, 'NPU')} each, and the"
        f" cluster has {places}",
        why="Volcano starts all pods of a group or none, so the group never starts",
        fix=f"add nodes, or lower nodes or npus of {service.name}",
    )


def _finding(
    service: ResolvedService, rule: str, message: str, *, why: str, fix: str
) -> Finding:
    return Finding(
        rule,
        "error",
        message,
        why=why,
        fix=fix,
        marks=(Mark(("services", service.name, "nodes")),),
        service=service.name,
    )
