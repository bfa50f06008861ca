"""The pods of a state on the nodes, and how a step starts and ends them.

A pod stays on its node until it ends. A new pod gets the node with the fewest free NPUs that still fits it, as the
scheduler's preference for nodes with other pods intends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from models.service.rollout import Demand
from models.stack_file.keys.operation import Queue
from plan.transition import Node, Replica

Label = tuple[int, bool]
"""A service by its position, and whether its pods are those of the wanted stack."""


@dataclass(frozen=True)
class Running:
    """The replicas of a service that run, all in one version."""

    is_new: bool
    replicas: tuple[Replica, ...]


State = tuple[Running | None, ...]
"""What runs of each service; None for a service without pods."""


class Placement:
    """The pods on the nodes. It changes with each pod that starts or ends, and remembers the most NPUs in use."""

    def __init__(self, nodes: Sequence[Node], queues: Mapping[str, Queue]) -> None:
        self._sizes = [node.npus for node in nodes]
        self.free = [node.npus for node in nodes]
        """Free NPUs of each node."""
        self._pods: list[list[Label]] = [[] for _ in nodes]
        self._queues = queues
        self._in_queue: Counter[str] = Counter()
        self.used = 0
        """NPUs in use."""
        self.peak = 0
        """Most NPUs in use since the copy was made."""

    def copy(self) -> Placement:
        """The same pods. The peak begins with them."""
        copied = copy(self)
        copied.separate()
        return copied

    def separate(self) -> None:
        """Stop sharing the lists of pods with the placement that this one is a copy of."""
        self.free = self.free.copy()
        self._pods = [pods.copy() for pods in self._pods]
        self._in_queue = self._in_queue.copy()
        self.peak = self.used

    def add(self, label: Label, demand: Demand, replica: Replica) -> None:
        """Add a replica to the nodes that it has."""
        for node in replica:
            self.free[node] -= demand.npus
            self._pods[node].append(label)
        npus = demand.npus * len(replica)
        self._in_queue[demand.queue] += npus
        self.used += npus
        self.peak = max(self.peak, self.used)

    def remove(self, label: Label, demand: Demand, replica: Replica) -> None:
        """End a replica."""
        for node in replica:
            self.free[node] += demand.npus
            self._pods[node].remove(label)
        npus = demand.npus * len(replica)
        self._in_queue[demand.queue] -= npus
        self.used -= npus

    def start(self, label: Label, demand: Demand) -> Replica | None:
        """Start a replica; None if its pods do not fit all together."""
        if not self._is_within_quota(demand):
            return None
        chosen: list[int] = []
        for _ in range(demand.nodes):
            node = self._best_node(demand.npus)
            if node is None:
                break
            chosen.append(node)
            self.free[node] -= demand.npus
        for node in chosen:
            self.free[node] += demand.npus
        if len(chosen) < demand.nodes:
            return None
        replica = tuple(chosen)
        self.add(label, demand, replica)
        return replica

    def contents(self) -> tuple[tuple[int, tuple[Label, ...]], ...]:
        """The size and the pods of each node, the same for placements that differ only in the names of nodes."""
        nodes = [self._content(node) for node in range(len(self._sizes))]
        return tuple(sorted(nodes))

    def _is_within_quota(self, demand: Demand) -> bool:
        queue = self._queues.get(demand.queue)
        if queue is None or queue.npus is None:
            return True
        requested = demand.npus * demand.nodes
        return self._in_queue[demand.queue] + requested <= queue.npus

    def _best_node(self, npus: int) -> int | None:
        """The node with the fewest free NPUs that fits a pod."""
        fitting = [node for node, free in enumerate(self.free) if free >= npus]
        if not fitting:
            return None
        fewest = min(self.free[node] for node in fitting)
        nodes = [node for node in fitting if self.free[node] == fewest]
        if len(nodes) == 1:
            return nodes[0]
        return min(nodes, key=self._content)

    def _content(self, node: int) -> tuple[int, tuple[Label, ...]]:
        return self._sizes[node], tuple(sorted(self._pods[node]))


def leaving(replicas: Sequence[Replica]) -> int:
    """The position of the replica that ends first.

    Of a Deployment, a pod on the node with the most pods of the service, and of these the newest (Kubernetes,
    pkg/controller/controller_utils.go). Of a LeaderWorkerSet, the last group.
    """
    last = len(replicas) - 1
    if len(replicas[last]) > 1:
        return last
    pods_on = Counter(node for replica in replicas for node in replica)
    most = max(pods_on.values())
    for position in range(last, -1, -1):
        if pods_on[replicas[position][0]] == most:
            return position
    return last
