"""For people: the nodes with a bar for their NPUs and the services that hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle, groupby

from cli.output.rollout import pair_in_words, rollout_in_words
from cli.output.table import columns_with_text
from cli.output.text import coloured
from models.finding import Finding
from models.report import finding_text
from models.service.capacity import Node, Packing
from models.service.resolved import ResolvedStack
from models.stack_file.keys.cluster import Pool
from models.stack_file.keys.operation import Queue
from models.words import counted

_SHADES = "█▒▓░"


def render(stack: ResolvedStack, packing: Packing) -> str:
    """The pools with their pods, then how each service is updated."""
    rollouts = []
    for service in stack.services:
        rollouts.append((service.name, rollout_in_words(service)))
    if stack.pair:
        names = [service.name for service in stack.pair]
        rollouts.append((" + ".join(names), pair_in_words(stack.pair)))
    lines = list(pool_lines(stack, packing))
    lines.append("")
    if rollouts:
        lines += columns_with_text(rollouts)
    return "\n".join(lines)


def render_live(
    context: str, nodes: Sequence[Node], findings: Sequence[Finding]
) -> str:
    """The nodes of a cluster with all pods that hold NPUs, then the findings about them."""
    used, total = _used(nodes)
    number = counted(len(nodes), "node")
    lines = [f"cluster {context}: {number}, {used} of {total} NPUs used"]
    lines += _node_lines(nodes)
    for finding in findings:
        lines.append("")
        lines.append(coloured(finding_text(finding)))
    return "\n".join(lines)


def pool_lines(stack: ResolvedStack, packing: Packing) -> Iterator[str]:
    """The nodes of each pool with their pods, the queues, and the pods that find no node."""
    for name, pool in stack.cluster.pools.items():
        nodes = [node for node in packing.nodes if node.pool == name]
        yield _pool_line(name, pool, nodes)
        yield from _node_lines(nodes)
    for name, queue in stack.cluster.queues.items():
        yield _queue_line(stack, name, queue)
    unplaced = Counter(service for service, _ in packing.homeless)
    for name, number in unplaced.items():
        pods = counted(number, "pod")
        yield f"no room for {pods} of {name}"


def _pool_line(name: str, pool: Pool, nodes: Sequence[Node]) -> str:
    used, _ = _used(nodes)
    total = pool.nodes * pool.npus_per_node
    number = counted(pool.nodes, "node")
    size = counted(pool.npus_per_node, "NPU")
    return f"pool {name}: {number} × {size}, {used} of {total} used"


def _queue_line(stack: ResolvedStack, name: str, queue: Queue) -> str:
    used = 0
    for service in stack.services:
        if service.in_queue == name:
            used += service.npus * service.pods
    if queue.npus:
        return f"queue {name}: {used} of {queue.npus} NPUs used"
    return f"queue {name}: {used} NPUs used"


def _used(nodes: Sequence[Node]) -> tuple[int, int]:
    """The used NPUs of nodes, and all of them."""
    total = sum(node.npus for node in nodes)
    free = sum(node.free for node in nodes)
    return total - free, total


def _node_lines(nodes: Sequence[Node]) -> Iterator[str]:
    """A table of the nodes. Names of services that do not fit stand below their row."""
    rows = list(_node_rows(nodes))
    if not rows:
        return
    for line in columns_with_text(rows):
        yield line.rstrip()


def _node_rows(nodes: Sequence[Node]) -> Iterator[tuple[str, ...]]:
    """One row for each node. Consecutive nodes with the same pods share a row."""
    for _, group in groupby(nodes, key=lambda node: node.pods):
        same = list(group)
        first = same[0]
        name = first.name
        if len(same) > 1:
            last = same[-1]
            name = f"{name} … {last.name}"
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
    shades = cycle(_SHADES)
    shade_of: dict[str, str] = {}
    bar = ""
    for service, npus in node.pods:
        if service not in shade_of:
            shade_of[service] = next(shades)
        bar += shade_of[service] * npus
    free = "·" * node.free
    return bar + free
