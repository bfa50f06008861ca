"""The pods of a state on the nodes, and how a step starts and ends them.

A pod stays on its node until it ends. A new pod gets the node with the fewest free NPUs that still fits it, as the
scheduler's preference for nodes with other pods intends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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


@dataclass
class Placement:
    """The pods on the nodes. It changes with each pod that starts or ends, and remembers the most NPUs in use."""

    sizes: Sequence[int]
    """NPUs of each node."""
    queues: Mapping[str, Queue]
    free: list[int]
    """Free NPUs of each node."""
    pods: list[list[Label]]
    """The pods on each node."""
    used_by_queue: Counter[str]
    """NPUs in use, by the name of the queue."""
    used: int = 0
    """NPUs in use."""
    peak: int = 0
    """Most NPUs in use since the copy was made."""

    @classmethod
    def empty(cls, nodes: Sequence[Node], queues: Mapping[str, Queue]) -> Placement:
        """Nodes without pods."""
        sizes = [node.npus for node in nodes]
        return cls(
            sizes=sizes,
            queues=queues,
            free=sizes.copy(),
            pods=[[] for _ in nodes],
            used_by_queue=Counter(),
        )

    def copy(self) -> Placement:
        """The same pods, which change separately. The peak begins with them."""
        return Placement(
            sizes=self.sizes,
            queues=self.queues,
            free=self.free.copy(),
            pods=[pods.copy() for pods in self.pods],
            used_by_queue=self.used_by_queue.copy(),
            used=self.used,
            peak=self.used,
        )

    def add(self, label: Label, demand: Demand, replica: Replica) -> None:
        """Add a replica to the nodes that it has."""
        for node in replica:
            self.free[node] -= demand.npus
            self.pods[node].append(label)
        npus = demand.npus * len(replica)
        self.used_by_queue[demand.queue] += npus
        self.used += npus
        self.peak = max(self.peak, self.used)

    def remove(self, label: Label, demand: Demand, replica: Replica) -> None:
        """End a replica."""
        for node in replica:
            self.free[node] += demand.npus
            self.pods[node].remove(label)
        npus = demand.npus * len(replica)
        self.used_by_queue[demand.queue] -= npus
        self.used -= npus

    def start(self, label: Label, demand: Demand) -> Replica | None:
        """Start a replica; None if its pods do not fit all together."""
        if not self._is_within_quota(demand):
            return None
        replica = self._nodes_for(demand)
        if replica is None:
            return None
        self.add(label, demand, replica)
        return replica

    def _is_within_quota(self, demand: Demand) -> bool:
        """Whether the queue of a service has the NPUs of one more replica."""
        queue = self.queues.get(demand.queue)
        if queue is None or queue.npus is None:
            return True
        requested = demand.npus * demand.nodes
        return self.used_by_queue[demand.queue] + requested <= queue.npus

    def _nodes_for(self, demand: Demand) -> Replica | None:
        """The nodes for the pods of a replica; None if a pod finds none."""
        free = self.free.copy()
        chosen = []
        for _ in range(demand.nodes):
            node = self._best_node(free, demand.npus)
            if node is None:
                return None
            free[node] -= demand.npus
            chosen.append(node)
        return tuple(chosen)

    def _best_node(self, free: Sequence[int], npus: int) -> int | None:
        """The node with the fewest free NPUs that fits a pod; of several ones, the first by size and pods."""
        fitting = [node for node, its_free in enumerate(free) if its_free >= npus]
        if not fitting:
            return None
        fewest = min(free[node] for node in fitting)
        nodes = [node for node in fitting if free[node] == fewest]
        if len(nodes) == 1:
            return nodes[0]
        return min(nodes, key=self._content)

    def _content(self, node: int) -> tuple[int, tuple[Label, ...]]:
        return self.sizes[node], tuple(sorted(self.pods[node]))


def leaving(replicas: Sequence[Replica]) -> int:
    """The position of the replica that ends first if a service is scaled down.

    Of a LeaderWorkerSet, it is the last group. Of a Deployment, it is a pod on the node with the most pods of the
    service, and of these the newest (Kubernetes, pkg/controller/controller_utils.go).
    """
    last = len(replicas) - 1
    is_group = len(replicas[last]) > 1
    if is_group:
        return last
    pods_on = Counter(node for replica in replicas for node in replica)
    most = max(pods_on.values())
    fullest = [
        position
        for position, replica in enumerate(replicas)
        if pods_on[replica[0]] == most
    ]
    return max(fullest, default=last)
