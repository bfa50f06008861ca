"""Whether a cluster is ready for a stack: its namespace, kinds, queues, nodes, and the objects that pods refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from cluster.api.discovery import wanted_kinds
from cluster.api.errors import ClusterError
from cluster.api.reader import connected
from cluster.groups.live_check import (
    GroupAnswers,
    group_findings,
    grouped,
    read_group_answers,
)
from cluster.npus.offers import edit_of_platform, offers_text
from cluster.npus.usage import offered
from cluster.prerequisites import prerequisites
from cluster.snapshot import Object, is_selected, labels_of, status_of
from models.finding import Finding, Mark, Severity
from models.manifests.kinds import INSTALLED, KTHENA, VOLCANO
from models.service.resolved import ResolvedStack
from models.words import counted

Result = TypeVar("Result")

_LEVEL = "pod-security.kubernetes.io/enforce"
"""Label of a namespace with its level of Pod Security."""


class Reader(Protocol):
    """The reads of a check."""

    async def kinds(self, group: str) -> frozenset[str]:
        """The kinds that the cluster knows of an API group."""

    async def named(self, kind: str, name: str) -> Object | None:
        """An object by its name, or None."""

    async def exists(self, kind: str, name: str) -> bool:
        """Whether an object of this name exists; its content is not read."""

    async def nodes(self) -> Sequence[Object]:
        """All nodes."""

    async def dry_run(self, plural: str, item: Mapping[str, Any]) -> Object:
        """An object as the API server would create it. Nothing is created."""


@dataclass(frozen=True)
class Answers:
    """The facts that were read from a cluster."""

    namespace: Object | None = None
    """The namespace of the stack; None if it does not exist or could not be read."""
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The known kinds by API group."""
    queues: Mapping[str, Object | None] = field(default_factory=dict)
    """Volcano's queues by name; None if a queue does not exist or could not be read."""
    exists: Mapping[tuple[str, str], bool | None] = field(default_factory=dict)
    """Whether an object exists, by kind and name; None if that could not be read."""
    nodes: Sequence[Object] | None = None
    """All nodes; None if they could not be read."""
    groups: GroupAnswers = field(default_factory=GroupAnswers)
    """The state of the LeaderWorkerSet controller."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """The reason why something could not be read, by its name, such as `nodes`."""


async def check_cluster(
    stack: ResolvedStack,
) -> tuple[tuple[Finding, ...], Mapping[str, str]]:
    """Compare the cluster with the stack. Nothing is changed.

    Returns:
        The findings, and the reason why something could not be read, by its name.
    """
    cluster = stack.cluster
    try:
        async with connected(cluster.context, cluster.namespace.name) as reader:
            answers = await read_answers(stack, reader)
    except ClusterError as problem:
        unreachable = Finding(
            "cluster-unreachable",
            "error",
            problem.message,
            why="the stack cannot be deployed to a cluster that does not answer",
            fix=problem.fix,
            marks=(Mark(("cluster", "context")),),
        )
        return (unreachable,), {}
    return tuple(cluster_findings(stack, answers)), answers.unread


async def read_answers(stack: ResolvedStack, reader: Reader) -> Answers:
    """Read everything that is checked, and nothing else.

    Raises:
        ClusterError: The cluster does not answer, or does not accept the credentials.
    """
    unread: dict[str, str] = {}
    namespace = stack.cluster.namespace.name

    kinds = {}
    for group in dict.fromkeys([VOLCANO, *wanted_kinds(stack)]):
        known = await _if_allowed(reader.kinds(group), group, unread)
        if known is not None:
            kinds[group] = known

    queues = {}
    if kinds.get(VOLCANO):
        for name in sorted(_foreign_queues(stack)):
            queues[name] = await _if_allowed(
                reader.named("Queue", name), f"Queue {name}", unread
            )

    exists = {}
    for item in prerequisites(stack):
        key = (item.kind, item.name)
        if key not in exists:
            exists[key] = await _if_allowed(reader.exists(*key), " ".join(key), unread)

    groups = GroupAnswers()
    if grouped(stack):
        groups = await read_group_answers(reader)
        unread.update(groups.unread)

    return Answers(
        namespace=await _if_allowed(
            reader.named("Namespace", namespace), f"Namespace {namespace}", unread
        ),
        kinds=kinds,
        queues=queues,
        exists=exists,
        nodes=await _if_allowed(reader.nodes(), "nodes", unread),
        groups=groups,
        unread=unread,
    )


async def _if_allowed(
    answer: Awaitable[Result],
    name: str,
    unread: dict[str, str],
) -> Result | None:
    """An answer; None, with the reason in `unread`, if the user may not read it."""
    try:
        return await answer
    except ClusterError as problem:
        if not problem.forbidden:
            raise
        unread[name] = problem.message
        return None


def _foreign_queues(stack: ResolvedStack) -> set[str]:
    """The queues of the services that the stack does not create."""
    created = {name for name, queue in stack.cluster.queues.items() if queue.create}
    return {service.in_queue for service in stack.services} - created


def cluster_findings(stack: ResolvedStack, answers: Answers) -> Iterator[Finding]:
    """Everything in the cluster that does not fit the stack; pure."""
    yield from _namespace(stack, answers)
    yield from _kinds(stack, answers)
    yield from _queues(stack, answers)
    yield from _prerequisites(stack, answers)
    if answers.nodes is not None:
        yield from _nodes(stack, answers.nodes)
    yield from group_findings(stack, answers.groups, answers.nodes)


def _namespace(stack: ResolvedStack, answers: Answers) -> Iterator[Finding]:
    namespace = stack.cluster.namespace
    if namespace.create or f"Namespace {namespace.name}" in answers.unread:
        return
    kubectl = f"kubectl --context {stack.cluster.context}"
    if not answers.namespace:
        yield _finding(
            "namespace-missing",
            f"the namespace {namespace.name} does not exist",
            why="with create: false, somebody else must create it before the stack is deployed",
            fix=f"{kubectl} create namespace {namespace.name}, or write create: true under cluster.namespace",
            path=("cluster", "namespace"),
        )
        return
    level = labels_of(answers.namespace).get(_LEVEL, "privileged")
    if level == "privileged":
        return
    yield _finding(
        "namespace-pod-security",
        f"Pod Security of namespace {namespace.name} is {level}, which refuses the pods",
        why="pods with NPUs mount the driver from the node, and only the level privileged allows host paths",
        fix=f"{kubectl} label namespace {namespace.name} --overwrite {_LEVEL}=privileged",
        path=("cluster", "namespace"),
    )


def _kinds(stack: ResolvedStack, answers: Answers) -> Iterator[Finding]:
    if VOLCANO in answers.kinds and not answers.kinds[VOLCANO]:
        yield _finding(
            "volcano-missing",
            "the cluster has no Volcano",
            why="Volcano places all pods; without it they wait forever",
            fix="install Volcano",
            path=("cluster", "context"),
        )
    for group, kinds in wanted_kinds(stack).items():
        if group == VOLCANO or group not in answers.kinds:
            continue
        for kind in sorted(kinds - answers.kinds[group]):
            yield _kind_missing(stack, group, kind)


def _kind_missing(stack: ResolvedStack, group: str, kind: str) -> Finding:
    """The finding about a kind that the operator of its group would install."""
    message = f"the cluster does not know {kind} ({group})"
    if group == KTHENA:
        return _finding(
            "kind-missing",
            message,
            why="an update leaves these objects out, so no router sends requests to both services of the pair",
            fix=f"install {INSTALLED[group]}, or write kvTransfer.router: none",
            path=("kvTransfer",),
            severity="warning",
        )
    monitored = [service.name for service in stack.services if service.monitoring]
    edits = [f"remove services.{name}.monitoring" for name in monitored]
    return _finding(
        "kind-missing",
        message,
        why="an update leaves these objects out, so metrics or alerts are missing",
        fix=f"install {INSTALLED[group]}, or {' and '.join(edits)}",
        path=("services", monitored[0], "monitoring"),
        severity="warning",
    )


def _queues(stack: ResolvedStack, answers: Answers) -> Iterator[Finding]:
    for name, queue in answers.queues.items():
        if f"Queue {name}" in answers.unread:
            continue
        members = [
            service.name for service in stack.services if service.in_queue == name
        ]
        path = ("services", members[0], "queue")
        if queue is None:
            yield _finding(
                "queue-missing",
                f"Volcano has no queue {name}",
                why="pods of a queue that does not exist wait forever",
                fix=f"create the queue, or write cluster.queues.{name}.create: true",
                path=path,
            )
            continue
        state = status_of(queue).get("state", "Open")
        if state != "Open":
            yield _finding(
                "queue-closed",
                f"the queue {name} is {state}",
                why="only an open queue accepts pods",
                fix=f"open the queue {name}, or set another queue",
                path=path,
            )


def _prerequisites(stack: ResolvedStack, answers: Answers) -> Iterator[Finding]:
    for item in prerequisites(stack):
        if answers.exists.get((item.kind, item.name)) is not False:
            continue
        yield _finding(
            "object-missing",
            f"the {item.kind} {item.name} does not exist",
            why="the pods refer to it, and do not start without it",
            fix=f"create the {item.kind} {item.name}, or correct {item.field}",
            path=("services", item.service, *item.field.split(".")),
        )


def _nodes(stack: ResolvedStack, nodes: Sequence[Object]) -> Iterator[Finding]:
    platform = stack.cluster.platform
    labels = ", ".join(
        f"{key}={value}" for key, value in platform.node_selector.items()
    )
    matching = [node for node in nodes if is_selected(node, platform.node_selector)]
    if not matching:
        yield _finding(
            "nodes-missing",
            f"no node has the label {labels}",
            why=f"pods run only on nodes with this label{offers_text(nodes, platform.resource)}",
            fix=edit_of_platform(nodes, platform.resource)
            or "correct cluster.platform, or label the nodes",
            path=("cluster", "platform"),
        )
        return
    sizes = Counter(offered(node, platform.resource) for node in matching)
    if not any(sizes):
        yield _finding(
            "npus-missing",
            f"no node with {labels} offers {platform.resource}",
            why="the device plugin of each node offers NPUs under this name"
            f"{offers_text(nodes, platform.resource)}",
            fix=edit_of_platform(nodes, platform.resource)
            or "check the device plugin, or correct cluster.platform.resource",
            path=("cluster", "platform"),
        )
        return
    yield from _pools(stack, sizes)


def _pools(stack: ResolvedStack, sizes: Counter[int]) -> Iterator[Finding]:
    """Pools with more nodes of a size than the cluster has.

    Args:
        stack: The stack.
        sizes: The number of the cluster's nodes by their NPUs.
    """
    expected: Counter[int] = Counter()
    pools: dict[int, list[str]] = {}
    for name, pool in stack.cluster.pools.items():
        expected[pool.npus_per_node] += pool.nodes
        pools.setdefault(pool.npus_per_node, []).append(name)
    for npus, count in expected.items():
        if sizes[npus] >= count:
            continue
        edit = _pools_edit(pools[npus], nodes=sizes[npus])
        yield _finding(
            "pools-differ",
            f"cluster.pools has {counted(count, 'node')} with {npus} NPUs, the cluster has {sizes[npus]}",
            why="pods that are planned for nodes that do not exist wait forever",
            fix=f"{edit}, or add the missing nodes",
            path=("cluster", "pools", pools[npus][0]),
            severity="warning",
        )


def _pools_edit(names: Sequence[str], nodes: int) -> str:
    """The edit that gives the pools of one node size the number of nodes that the cluster has."""
    if len(names) > 1:
        return (
            f"correct {' and '.join(f'cluster.pools.{name}.nodes' for name in names)}"
        )
    if nodes == 0:
        return f"remove cluster.pools.{names[0]}"
    return f"write cluster.pools.{names[0]}.nodes: {nodes}"


def _finding(
    rule: str,
    message: str,
    *,
    why: str,
    fix: str,
    path: tuple[str, ...],
    severity: Severity = "error",
) -> Finding:
    service = None
    if path[0] == "services":
        service = path[1]
    return Finding(
        rule,
        severity,
        message,
        why=why,
        fix=fix,
        marks=(Mark(path),),
        service=service,
    )
