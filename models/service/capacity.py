"""Which NPUs the services of a stack need: pods on nodes, and what is sure to be free while they roll."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from models.stack_file.cluster import Pool


@dataclass
class Node:
    """A node of a pool and the pods that it holds."""

    name: str
    pool: str
    npus: int
    """NPUs that it has."""
    pods: list[tuple[str, int]] = field(default_factory=list)
    """Service and NPUs of each pod."""

    @property
    def free(self) -> int:
        """NPUs that no pod holds."""
        return self.npus - sum(npus for _, npus in self.pods)


@dataclass(frozen=True)
class Packing:
    """A way to put the pods of a stack on its nodes; the scheduler may choose another."""

    nodes: tuple[Node, ...]
    homeless: tuple[tuple[str, int], ...]
    """Service and NPUs of each pod that no node has room for."""


def pack(pods: Iterable[tuple[str, int]], nodes: Iterable[Node]) -> Packing:
    """Put each pod, the largest first, on the node that is left with the fewest free NPUs.

    Nothing is left over that another packing would hold, as long as every size divides the next larger one and the
    nodes': 1, 2, 4, 8 and 16.
    """
    packed, homeless = tuple(nodes), []
    by_free: dict[int, list[Node]] = {}
    for node in reversed(packed):
        by_free.setdefault(node.free, []).append(node)
    for service, npus in sorted(pods, key=lambda pod: (-pod[1], pod[0])):
        least = min((free for free, some in by_free.items() if some and free >= npus), default=None)
        if least is None:
            homeless.append((service, npus))
            continue
        node = by_free[least].pop()
        node.pods.append((service, npus))
        by_free.setdefault(least - npus, []).append(node)
    return Packing(packed, tuple(homeless))


def is_exact(sizes: Iterable[int]) -> bool:
    """Whether `pack` leaves over nothing that another packing would hold.

    Args:
        sizes: NPUs of the pods and of the nodes.
    """
    ordered = sorted(set(sizes))
    return all(larger % smaller == 0 for smaller, larger in pairwise(ordered))


def pool_nodes(pools: Mapping[str, Pool]) -> list[Node]:
    """The nodes of all pools, empty, each named by its pool and a number."""
    return [
        Node(f"{name}-{number}", name, pool.npus_per_node)
        for name, pool in pools.items()
        for number in range(1, pool.nodes + 1)
    ]


def sure_to_fit(npus: int, pods: Mapping[int, int], nodes: Mapping[int, int]) -> bool:
    """Whether a pod finds its NPUs wherever the scheduler put the others.

    A node is closed to the pod when others hold so much of it that less than `npus` is left. Each pod that holds so
    much alone closes one node at most, and the small ones together no more than their NPUs suffice for: if there are
    more nodes than that, one stays open.

    Args:
        npus: NPUs of the pod.
        pods: How many other pods there are by their NPUs.
        nodes: How many nodes there are by their NPUs.
    """
    large_enough = {size: count for size, count in nodes.items() if size >= npus}
    if not large_enough:
        return False
    enough = min(large_enough) - npus + 1
    small = {size: count for size, count in pods.items() if size < enough and count}
    step = math.gcd(*small) or 1
    together = sum(size * count for size, count in small.items()) // (-(-enough // step) * step)
    alone = sum(count for size, count in pods.items() if size >= enough)
    return alone + together < sum(large_enough.values())
