"""Whether a cluster is what a stack says: its namespace, nodes and queues, and what the pods name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from cluster.api_discovery import wanted_kinds
from cluster.errors import ClusterError
from cluster.npus import offered
from cluster.prerequisites import needed
from cluster.reader import connected
from cluster.snapshot import Object
from models.finding import Finding, Mark, Severity
from models.manifests.kinds import INSTALLED, VOLCANO
from models.service.resolved import ResolvedStack
from models.words import counted

Result = TypeVar("Result")

_LEVEL = "pod-security.kubernetes.io/enforce"


class Reader(Protocol):
    """What can be asked of a cluster before anything is in it."""

    async def kinds(self, group: str) -> frozenset[str]:
        """The kinds of objects that the cluster knows of an API group."""

    async def named(self, kind: str, name: str) -> Object | None:
        """An object by its name, or None when there is none."""

    async def is_there(self, kind: str, name: str) -> bool:
        """Whether there is an object of this name; nothing of its content is read."""

    async def nodes(self) -> Sequence[Object]:
        """All nodes."""


@dataclass(frozen=True)
class Asked:
    """What a cluster answered; what could not be asked is said in `unread`."""

    namespace: Object | None = None
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    queues: Mapping[str, Object | None] = field(default_factory=dict)
    there: Mapping[tuple[str, str], bool | None] = field(default_factory=dict)
    """Whether something is there, by kind and name."""
    nodes: Sequence[Object] | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    """What could not be asked, and why."""


async def judge_cluster(stack: ResolvedStack) -> tuple[tuple[Finding, ...], Mapping[str, str]]:
    """What of a stack does not fit its cluster, and what could not be asked, with why; it only reads."""
    cluster = stack.cluster
    try:
        async with connected(cluster.context, cluster.namespace.name) as reader:
            asked = await ask(stack, reader)
    except ClusterError as problem:
        where = (Mark(("cluster", "context")),)
        why = "nothing can be deployed to a cluster that does not answer"
        return (Finding("cluster-unreachable", "error", problem.message, why, problem.fix, where),), {}
    return tuple(judged(stack, asked)), asked.unread


async def ask(stack: ResolvedStack, reader: Reader) -> Asked:
    """Ask all that is to be judged, and nothing else.

    Raises:
        ClusterError: The cluster does not answer, or does not know who asks.
    """
    unread: dict[str, str] = {}
    home = stack.cluster.namespace.name
    kinds = {
        group: known
        for group in dict.fromkeys([VOLCANO, *wanted_kinds(stack)])
        if (known := await _allowed(reader.kinds(group), group, unread)) is not None
    }
    queues = {
        name: await _allowed(reader.named("Queue", name), f"Queue {name}", unread)
        for name in (sorted(_others_queues(stack)) if kinds.get(VOLCANO) else ())
    }
    there = {
        (kind, name): await _allowed(reader.is_there(kind, name), f"{kind} {name}", unread)
        for kind, name in dict.fromkeys((one.kind, one.name) for one in needed(stack))
    }
    return Asked(
        namespace=await _allowed(reader.named("Namespace", home), f"Namespace {home}", unread),
        kinds=kinds,
        queues=queues,
        there=there,
        nodes=await _allowed(reader.nodes(), "nodes", unread),
        unread=unread,
    )


async def _allowed(answer: Awaitable[Result], what: str, unread: dict[str, str]) -> Result | None:
    """An answer; None, with the reason in `unread`, where it may not be had."""
    try:
        return await answer
    except ClusterError as problem:
        if not problem.forbidden:
            raise
        unread[what] = problem.message
        return None


def judged(stack: ResolvedStack, asked: Asked) -> Iterator[Finding]:
    """Everything that does not fit; pure."""
    yield from _namespace(stack, asked)
    yield from _kinds(stack, asked)
    yield from _queues(stack, asked)
    yield from _needed(stack, asked)
    if asked.nodes is not None:
        yield from _nodes(stack, asked.nodes)


def _others_queues(stack: ResolvedStack) -> set[str]:
    """The queues that services wait in and that somebody else makes."""
    made = {name for name, queue in stack.cluster.queues.items() if queue.create}
    return {service.in_queue for service in stack.services} - made


def _namespace(stack: ResolvedStack, asked: Asked) -> Iterator[Finding]:
    given = stack.cluster.namespace
    if given.create or f"Namespace {given.name}" in asked.unread:
        return
    where = ("cluster", "namespace")
    if not asked.namespace:
        why = "with create: false somebody else makes it, and nothing can be made in it before"
        fix = f"kubectl --context {stack.cluster.context} create namespace {given.name}, or let the stack make it"
        yield _finding("namespace-missing", f"there is no namespace {given.name}", why, fix, where)
        return
    level = (asked.namespace["metadata"].get("labels") or {}).get(_LEVEL, "privileged")
    if level != "privileged":
        yield _finding(
            "namespace-pod-security",
            f"Pod Security of namespace {given.name} is {level}, which refuses the pods",
            "pods with NPUs mount the driver from the node, and host paths are for privileged alone",
            f"kubectl --context {stack.cluster.context} label namespace {given.name} --overwrite {_LEVEL}=privileged",
            where,
        )


def _kinds(stack: ResolvedStack, asked: Asked) -> Iterator[Finding]:
    if VOLCANO in asked.kinds and not asked.kinds[VOLCANO]:
        why = "Volcano places all pods; without it they wait for ever"
        yield _finding("volcano-missing", "the cluster has no Volcano", why, "install Volcano", ("cluster", "context"))
    for group, kinds in wanted_kinds(stack).items():
        if group == VOLCANO or group not in asked.kinds:
            continue
        for kind in sorted(kinds - asked.kinds[group]):
            named = next(one.name for one in stack.services if one.monitoring)
            yield _finding(
                "kind-missing",
                f"the cluster knows no {kind} ({group})",
                "an update leaves these objects out, and with them metrics or alerts",
                f"install {INSTALLED[group]}, or remove monitoring",
                ("services", named, "monitoring"),
                severity="warning",
            )


def _queues(stack: ResolvedStack, asked: Asked) -> Iterator[Finding]:
    for name, queue in asked.queues.items():
        if f"Queue {name}" in asked.unread:
            continue
        member = next(service.name for service in stack.services if service.in_queue == name)
        where = ("services", member, "queue")
        if queue is None:
            why, fix = (
                "pods of a queue that does not exist wait for ever",
                "make it, or write create: true under queues",
            )
            yield _finding("queue-missing", f"Volcano has no queue {name}", why, fix, where)
        elif (state := (queue.get("status") or {}).get("state", "Open")) != "Open":
            why, fix = "only an open queue takes pods", "open it, or name another queue"
            yield _finding("queue-closed", f"queue {name} is {state}", why, fix, where)


def _needed(stack: ResolvedStack, asked: Asked) -> Iterator[Finding]:
    for one in needed(stack):
        if asked.there.get((one.kind, one.name)) is not False:
            continue
        yield _finding(
            "object-missing",
            f"there is no {one.kind} {one.name}",
            "the pods name it, and do not start without it",
            f"make it, or correct {one.field}",
            ("services", one.service, *one.field.split(".")),
        )


def _nodes(stack: ResolvedStack, nodes: Sequence[Object]) -> Iterator[Finding]:
    platform, where = stack.cluster.platform, ("cluster", "platform")
    label = ", ".join(f"{key}={value}" for key, value in platform.node_selector.items())
    wanted = dict(platform.node_selector).items()
    chosen = [node for node in nodes if wanted <= (node["metadata"].get("labels") or {}).items()]
    if not chosen:
        why, fix = "pods go to such nodes alone", "correct cluster.platform, or label the nodes"
        yield _finding("nodes-missing", f"no node has the label {label}", why, fix, where)
        return
    sizes = Counter(offered(node, platform.resource) for node in chosen)
    if not any(sizes):
        why = "the device plugin offers them, under this name"
        fix = "see to the device plugin, or correct cluster.platform.resource"
        yield _finding("npus-missing", f"no node with {label} offers {platform.resource}", why, fix, where)
        return
    said = Counter[int]()
    for pool in stack.cluster.pools.values():
        said[pool.npus_per_node] += pool.nodes
    for npus, count in said.items():
        if sizes[npus] < count:
            name = next(name for name, pool in stack.cluster.pools.items() if pool.npus_per_node == npus)
            yield _finding(
                "pools-differ",
                f"cluster.pools has {counted(count, 'node')} with {npus} NPUs, and the cluster has {sizes[npus]}",
                "what is planned for nodes that are not there waits for ever",
                "correct cluster.pools, or bring the nodes back",
                ("cluster", "pools", name),
                severity="warning",
            )


def _finding(
    rule: str, message: str, why: str, fix: str, where: tuple[str, ...], severity: Severity = "error"
) -> Finding:
    service = where[1] if where[0] == "services" else None
    return Finding(rule, severity, message, why, fix, (Mark(where),), service)
