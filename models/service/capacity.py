"""Place pods on nodes by their NPUs, and find out whether a pod always finds free NPUs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from models.stack_file.keys.cluster import Pool


@dataclass
class Node:
    """A node of a pool and the pods on it."""

    name: str
    pool: str
    npus: int
    """NPUs of the node."""
    pods: list[tuple[str, int]] = field(default_factory=list)
    """Service and NPUs of each pod."""

    @property
    def free(self) -> int:
        """NPUs that no pod holds."""
        used = 0
        for _, npus in self.pods:
            used += npus
        return self.npus - used


@dataclass(frozen=True)
class Packing:
    """One way to place the pods of a stack on its nodes. The scheduler may choose another."""

    nodes: tuple[Node, ...]
    homeless: tuple[tuple[str, int], ...]
    """Service and NPUs of each pod that does not fit on any node."""


def pack(pods: Iterable[tuple[str, int]], nodes: Iterable[Node]) -> Packing:
    """Place each pod, the largest first, on the node with the fewest free NPUs that still fits it (best fit).

    The result is optimal if each size divides the next larger size and the size of the nodes, as 1, 2, 4, 8 and 16 do.

    Args:
        pods: Service and NPUs of each pod.
        nodes: The nodes; the pods are added to them.
    """
    packed = tuple(nodes)
    nodes_by_free = _by_free_npus(packed)
    homeless: list[tuple[str, int]] = []
    for service, npus in sorted(pods, key=_largest_first):
        free = _smallest_fit(nodes_by_free, npus)
        if free is None:
            homeless.append((service, npus))
            continue
        node = nodes_by_free[free].pop()
        node.pods.append((service, npus))
        nodes_by_free[node.free].append(node)
    return Packing(packed, tuple(homeless))


def _largest_first(pod: tuple[str, int]) -> tuple[int, str]:
    """The sort key of a pod: its NPUs in descending order, then its service."""
    service, npus = pod
    return -npus, service


def _by_free_npus(nodes: Sequence[Node]) -> defaultdict[int, list[Node]]:
    """The nodes by their free NPUs; the first node of a pool is the last of its list, so that it is taken first."""
    found: defaultdict[int, list[Node]] = defaultdict(list)
    for node in reversed(nodes):
        found[node.free].append(node)
    return found


def _smallest_fit(nodes_by_free: Mapping[int, list[Node]], npus: int) -> int | None:
    """The fewest free NPUs of a node that fits a pod; None if no node does."""
    fewest: int | None = None
    for free, nodes in nodes_by_free.items():
        if not nodes or free < npus:
            continue
        if fewest is None or free < fewest:
            fewest = free
    return fewest


def is_exact(sizes: Iterable[int]) -> bool:
    """Whether `pack` finds the best placement for these sizes.

    Args:
        sizes: NPUs of the pods and of the nodes.
    """
    ordered = sorted(set(sizes))
    return all(larger % smaller == 0 for smaller, larger in pairwise(ordered))


def pool_nodes(pools: Mapping[str, Pool]) -> list[Node]:
    """The nodes of all pools, empty, each named by its pool and a number from 1."""
    nodes = []
    for name, pool in pools.items():
        for number in range(1, pool.nodes + 1):
            node = Node(
                name=f"{name}-{number}",
                pool=name,
                npus=pool.npus_per_node,
            )
            nodes.append(node)
    return nodes


def sure_to_fit(npus: int, pods: Mapping[int, int], nodes: Mapping[int, int]) -> bool:
    """Whether a pod finds its NPUs wherever the scheduler places the other pods.

    A node is closed to the pod if the others hold so many of its NPUs that fewer than `npus` are free. A large pod
    closes a node alone. Small pods close a node together. If there are more nodes than both kinds can close in the
    worst case, one node stays open.

    Args:
        npus: NPUs of the pod.
        pods: Number of other pods by their NPUs.
        nodes: Number of nodes by their NPUs.
    """
    usable = {size: count for size, count in nodes.items() if size >= npus}
    if not usable:
        return False
    closing = min(usable) - npus + 1
    closed = _closed_alone(pods, closing) + _closed_together(pods, closing)
    return closed < sum(usable.values())


def _closed_alone(pods: Mapping[int, int], closing: int) -> int:
    """The most nodes that large pods close, each one node.

    Args:
        pods: Number of pods by their NPUs.
        closing: The NPUs that close a node if other pods hold them.
    """
    return sum(count for size, count in pods.items() if size >= closing)


def _closed_together(pods: Mapping[int, int], closing: int) -> int:
    """The most nodes that small pods close, several on each node.

    The pods on a node hold a multiple of the greatest common divisor of their sizes. So they close it with the next
    multiple that is at least `closing`.

    Args:
        pods: Number of pods by their NPUs.
        closing: The NPUs that close a node if other pods hold them.
    """
    small_pods = {
        size: count for size, count in pods.items() if size < closing and count
    }
    if not small_pods:
        return 0
    divisor = math.gcd(*small_pods)
    needed = math.ceil(closing / divisor) * divisor
    held = sum(size * count for size, count in small_pods.items())
    return held // needed
