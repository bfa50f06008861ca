"""The result of a comparison. Every output format is written from these records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from models.credentials import masked_pair, without_shapes
from models.engines.release_changes import ReleaseChanges
from models.finding import Finding
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService
from review.leaves import leaf_name

Kind = Literal["added", "removed", "changed", "unchanged"]

NO_LONGER_SET = "no longer set"
"""The reason of a detail whose value was removed from the stack file."""

NOT_IN_CLUSTER = "does not exist in the cluster"
"""The reason of a detail that `pulumi up` creates again."""

NOT_IN_STACK = "not set in the stack file"
"""The reason of a detail that somebody else added to the object."""

_DIRECT_REASONS = ("default", "set", NO_LONGER_SET, NOT_IN_CLUSTER, NOT_IN_STACK)
_FILE_AND_LINE = re.compile(r":\d+$")


@dataclass(frozen=True)
class Detail:
    """One difference: a flag, a variable, or a part of the pod, of the Deployment or of the cluster."""

    part: str
    """The changed part, as in "its launch changed"."""
    name: str
    """The name that users know: `--max-model-len`, `image`."""
    old: str | None
    """The old value. None: there was no value. Empty: the value is not shown."""
    new: str | None
    """The new value, with the same meaning of None and empty."""
    because: str
    """The source of the new value: `Pulumi.prod.yaml:31`, `default`, or the fields that it is derived from."""
    restarts: bool
    """Whether the value is part of the pod template."""
    is_reference: bool = False
    """Whether the values name keys of Secrets. Such names are shown."""

    @property
    def is_derived(self) -> bool:
        """Whether the value is derived from other fields: it is neither a default nor set in a file."""
        return is_derived(self.because)


def is_derived(because: str) -> bool:
    """Whether a reason names the fields that a value is derived from."""
    if because in _DIRECT_REASONS:
        return False
    return _FILE_AND_LINE.search(because) is None


def without_credentials(detail: Detail) -> Detail:
    """Mask credentials in the values of a detail. A changed credential stays visible as a change."""
    detail = replace(detail, name=without_shapes(detail.name))
    if detail.is_reference:
        return detail
    name = detail.name
    name = name.removesuffix(" of the pods")
    name = name.removesuffix(" of the Service")
    last_word = name.rpartition(" ")[2]
    old, new = masked_pair(leaf_name(last_word), detail.old, detail.new)
    return replace(detail, old=old, new=new)


@dataclass(frozen=True)
class ServiceChange:
    """The effect of an update on one service."""

    name: str
    kind: Kind
    old: ResolvedService | None
    """The old service. None: it is new, or it runs in the cluster and no stack file describes it."""
    new: ResolvedService | None
    """The new service. None: it is removed."""
    restarts: bool = False
    """Whether its pod template changed, so that every pod is replaced."""
    details: tuple[Detail, ...] = ()

    @property
    def downtime(self) -> int:
        """The longest time in seconds in which no pod answers during the update."""
        if not self.restarts or self.old is None or self.new is None:
            return 0
        if self.old.replicas == 0:
            return 0
        if self.old.answering and self.new.answering:
            return 0
        is_replaced = (self.old.group is None) != (self.new.group is None)
        if is_replaced and self.new.replicas:
            # The Service selects the new pods before they are ready.
            return self.new.startup
        return downtime(self.new)

    @property
    def ends(self) -> bool:
        """Whether the service loses its last pod: it is removed or scaled to 0 replicas."""
        if self.old is None:
            return self.kind == "removed"
        had_pods = self.old.replicas > 0
        has_pods = self.new is not None and self.new.replicas > 0
        return had_pods and not has_pods

    @property
    def parts(self) -> tuple[str, ...]:
        """The changed parts of the pod template, without duplicates."""
        parts = (detail.part for detail in self.details if detail.restarts)
        return tuple(dict.fromkeys(parts))


@dataclass(frozen=True)
class PoolChange:
    """The NPUs of a pool: how many the services use, and how many there are."""

    name: str
    used_before: int
    used: int
    total_before: int
    total: int


@dataclass(frozen=True)
class ReleaseUpdate:
    """Another engine release, the services that get it, and the changes that it brings."""

    services: tuple[str, ...]
    changes: ReleaseChanges


@dataclass(frozen=True)
class StackChange:
    """The differences between two stacks."""

    old: str
    """Name of the old stack, or of the first of two environments."""
    new: str
    """Name of the new stack, or of the second of two environments."""
    cluster: tuple[Detail, ...]
    services: tuple[ServiceChange, ...]
    pools: tuple[PoolChange, ...]
    npus: tuple[int, int]
    """NPUs that all services request, before and after."""
    deletions: tuple[str, ...] = ()
    """Deleted objects that belong to no removed service: the namespace, queues, and deletions that a preview lists."""
    replacements: tuple[str, ...] = ()
    """Objects that a preview deletes and recreates, with the reasons. Changed services explain the others."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Old and new name of services that were probably renamed: one is removed, one with the same weights is added."""
    unread: tuple[str, ...] = ()
    """Services with invalid fields on either side. They are not compared."""
    without_room: tuple[tuple[str, int], ...] = ()
    """Services, and how many of their pods do not fit after the change."""
    would_hang: tuple[Finding, ...] = ()
    """Updates that `pulumi up` refuses because larger running pods leave no room for the new ones."""
    avoidable_downtime: tuple[str, ...] = ()
    """Services that are down, although an additional pod would find its NPUs, because only some services restart."""
    releases: tuple[ReleaseUpdate, ...] = ()
    """The changes of engine releases."""

    @property
    def is_update(self) -> bool:
        """Whether both are states of one stack. Otherwise they are two environments."""
        return self.old == self.new

    @property
    def moves(self) -> bool:
        """Whether the stack moves to another cluster or namespace, where every object is recreated."""
        if not self.is_update:
            return False
        return any(
            detail.name in ("context", "namespace.name") for detail in self.cluster
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        if self.cluster or self.unread or self.deletions or self.replacements:
            return False
        return all(service.kind == "unchanged" for service in self.services)

    @property
    def restarting(self) -> tuple[ServiceChange, ...]:
        """Services whose pods are replaced."""
        return tuple(service for service in self.services if service.restarts)

    @property
    def down(self) -> tuple[ServiceChange, ...]:
        """Services with downtime during the update."""
        return tuple(service for service in self.services if service.downtime)

    @property
    def ending(self) -> tuple[ServiceChange, ...]:
        """Services that have no pods after the update."""
        return tuple(service for service in self.services if service.ends)

    def of_kind(self, kind: Kind) -> Sequence[ServiceChange]:
        """The services that are added, removed, changed or unchanged."""
        return [service for service in self.services if service.kind == kind]
