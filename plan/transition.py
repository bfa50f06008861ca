"""What the planner knows: the services before and after the update, and the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.service.rollout import Demand
from models.stack_file.keys.cluster import Pool
from models.stack_file.keys.operation import Queue

Replica = tuple[int, ...]
"""The positions of the nodes on which the pods of a replica run; several for a group."""


@dataclass(frozen=True)
class Node:
    """A node with NPUs for the stack."""

    name: str
    npus: int
    """NPUs for the pods of the stack, without those that other pods hold."""


@dataclass(frozen=True)
class Version:
    """A service before or after the update."""

    demand: Demand
    stop: int
    """Seconds until its pods have ended."""

    @property
    def replicas(self) -> int:
        """Pods, or groups of pods."""
        return self.demand.replicas

    @property
    def start(self) -> int:
        """Seconds from the start of a pod until it answers."""
        return self.demand.startup


@dataclass(frozen=True)
class Companion:
    """The next launch of a service as a second service, which exists only during the update."""

    service: str
    """The service whose requests it answers when it has been compared with the present launch."""
    version: Version
    comparison: int
    """Longest duration of the comparison in seconds."""


@dataclass(frozen=True)
class PlannedService:
    """A service in the update."""

    name: str
    old: Version | None
    """What runs; None if nothing does."""
    new: Version | None
    """What is wanted; None if the service is removed."""
    restarts: bool
    """Whether the pods of `old` have another template than those of `new`."""
    is_replaced: bool = False
    """Whether an object of another kind creates the pods of `new`, so that both exist at the same time."""
    priority: int = 1
    """Weight of a second of downtime."""
    is_answered: bool = False
    """Whether the pods of another service answer its requests before and after the update."""
    beside: Companion | None = None
    """What runs during the update only; None for a service of the stack. `old` and `new` are then None."""

    @property
    def external(self) -> bool:
        """Whether an autoscaler sets the replicas, so that no step may."""
        return any(
            version is not None and version.demand.external
            for version in (self.old, self.new)
        )

    @property
    def must_answer(self) -> bool:
        """Whether the service may not be stopped in favour of a companion: its downtime counts."""
        runs = self.old is not None and self.old.replicas > 0
        is_wanted = self.new is not None and self.new.replicas > 0
        return runs and is_wanted and self.priority > 0 and not self.is_answered

    @property
    def changes(self) -> bool:
        """Whether the update starts or ends pods of the service."""
        if self.old is None or self.new is None:
            return True
        return self.restarts or self.old.replicas != self.new.replicas


@dataclass(frozen=True)
class Transition:
    """An update: what runs, what is wanted, and the NPUs that there are."""

    services: tuple[PlannedService, ...]
    nodes: tuple[Node, ...]
    placed: Mapping[str, tuple[Replica, ...]]
    """The nodes of the pods that run, by service; the newest replica last."""
    pools: Mapping[str, Pool] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    renamed: tuple[tuple[str, str], ...] = ()
    """Old and new name of services that were renamed."""
    pair: tuple[str, ...] = ()
    """Two services that answer together, for prefill and decode."""
    pair_at_once: tuple[str, ...] = ()
    """The services of such a pair, if neither may run in its new version while the other one still has its old one."""

    def service(self, name: str) -> PlannedService:
        """The service of a name.

        Raises:
            KeyError: There is none.
        """
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)
