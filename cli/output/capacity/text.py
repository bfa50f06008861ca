"""For people: the nodes with a bar for their NPUs and the services that hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from cli.output.rollout import rollout_in_words
from cli.output.table import columns
from cli.output.text import coloured
from models.finding import Finding
from models.report import finding_text
from models.service.capacity import Node, Packing
from models.service.resolved import ResolvedStack
from models.stack_file.operation import Queue
from models.words import counted

_SHADES = "█▒▓░"


def render(stack: ResolvedStack, packing: Packing) -> str:
    """The pools with their pods, then how each service is updated."""
    rollouts = columns((service.name, rollout_in_words(service)) for service in stack.services)
    return "\n".join([*pool_lines(stack, packing), "", *rollouts])


def render_live(context: str, nodes: Sequence[Node], findings: Sequence[Finding]) -> str:
    """The nodes of a cluster with all pods that hold NPUs, then the findings about them."""
    used, total = _used(nodes)
    lines = [f"cluster {context}: {counted(len(nodes), 'node')}, {used} of {total} NPUs used"]
    lines += columns(_node_rows(nodes))
    for finding in findings:
        lines.append("\n" + coloured(finding_text(finding)))
    return "\n".join(lines)


def pool_lines(stack: ResolvedStack, packing: Packing) -> Iterator[str]:
    """The nodes of each pool with their pods, the queues, and the pods that find no node."""
    for name, pool in stack.cluster.pools.items():
        nodes = [node for node in packing.nodes if node.pool == name]
        used, _ = _used(nodes)
        size = f"{counted(pool.nodes, 'node')} × {counted(pool.npus_per_node, 'NPU')}"
        total = pool.nodes * pool.npus_per_node
        yield f"pool {name}: {size}, {used} of {total} used"
        yield from columns(_node_rows(nodes))
    for name, queue in stack.cluster.queues.items():
        yield _queue_line(stack, name, queue)
    unplaced = Counter(service for service, _ in packing.homeless)
    for name, pods in unplaced.items():
        yield f"no room for {counted(pods, 'pod')} of {name}"


def _queue_line(stack: ResolvedStack, name: str, queue: Queue) -> str:
    members = [service for service in stack.services if service.in_queue == name]
    used = sum(service.npus * service.replicas for service in members)
    quota = ""
    if queue.npus:
        quota = f"of {queue.npus} "
    return f"queue {name}: {used} {quota}NPUs used"


def _used(nodes: Sequence[Node]) -> tuple[int, int]:
    """The used NPUs of nodes, and all of them."""
    total = sum(node.npus for node in nodes)
    free = sum(node.free for node in nodes)
    return total - free, total


def _node_rows(nodes: Sequence[Node]) -> Iterator[tuple[str, ...]]:
    """One row for each node. Consecutive nodes with the same pods share a row."""
    for _, group in groupby(nodes, key=lambda node: node.pods):
        same = list(group)
        first, last = same[0], same[-1]
        name = first.name
        if len(same) > 1:
            name = f"{first.name} … {last.name}"
        yield f"  {name}", _bar(first), _services(first)


def _services(node: Node) -> str:
    """The services on a node with the number of their pods: `llava, qwen ×2`."""
    counts = Counter(service for service, _ in node.pods)
    names = []
    for service, count in counts.items():
        name = service
        if count > 1:
            name = f"{service} ×{count}"
        names.append(name)
    return ", ".join(names)


def _bar(node: Node) -> str:
    """One character for each NPU, with another shade for each service."""
    services = list(dict.fromkeys(service for service, _ in node.pods))
    bar = ""
    for service, npus in node.pods:
        shade = _SHADES[services.index(service) % len(_SHADES)]
        bar += shade * npus
    return bar + "·" * node.free
