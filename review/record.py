"""The record of a comparison, which every format is written from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from models.credentials import masked_pair
from models.finding import Finding
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService
from review.leaves import leaf_name

Kind = Literal["added", "removed", "changed", "unchanged"]

NOT_GIVEN = "no longer given"
"""Why something is gone that no file gives any more."""

NOT_THERE = "it is not in the cluster"
"""Why an object comes that the stack had given before."""

NOT_OURS = "the stack does not give it"
"""Why something goes that somebody else has set."""


@dataclass(frozen=True)
class Detail:
    """One thing that differs: a flag, a variable, a part of the pod, of the Deployment or of the cluster."""

    part: str
    """What it belongs to, as in "its launch changed"."""
    name: str
    """As people know it: `--max-model-len`, `image`."""
    old: str | None
    """The value before; None when there was none, empty when there is nothing to say of it."""
    new: str | None
    because: str
    """Where the new value comes from: `Pulumi.prod.yaml:31`, `default`, or what it follows from."""
    restarts: bool
    """Whether it is in the template of the pods."""
    is_reference: bool = False
    """Whether the values name keys of Secrets, which are shown."""

    @property
    def is_derived(self) -> bool:
        """Whether the value follows from others: no file gives it, and it is no default."""
        return is_derived(self.because)


def without_credentials(detail: Detail) -> Detail:
    """A detail whose values are safe to show. A changed credential stays visible as a change."""
    if detail.is_reference:
        return detail
    name = detail.name.removesuffix(" of the pods").removesuffix(" of the Service").rpartition(" ")[2]
    old, new = masked_pair(leaf_name(name), detail.old, detail.new)
    return replace(detail, old=old, new=new)


@dataclass(frozen=True)
class ServiceChange:
    """What happens to a service."""

    name: str
    kind: Kind
    old: ResolvedService | None
    """The service before; None when it is new, or when it runs and no stack says what it is."""
    new: ResolvedService | None
    restarts: bool = False
    """Whether the template of its pods differs, so that every pod is replaced."""
    details: tuple[Detail, ...] = ()

    @property
    def downtime(self) -> int:
        """Seconds that no pod of it answers while the change is made, at most."""
        return downtime(self.new) if self.restarts and self.new and self.old and self.old.replicas else 0

    @property
    def ends(self) -> bool:
        """Whether its last pod goes for good: it is removed, or has no replicas any more."""
        if self.kind == "removed" and self.old is None:
            return True
        return bool(self.old and self.old.replicas and not (self.new and self.new.replicas))

    @property
    def parts(self) -> tuple[str, ...]:
        """What of the pods changed, each once."""
        return tuple(dict.fromkeys(detail.part for detail in self.details if detail.restarts))


@dataclass(frozen=True)
class PoolChange:
    """The NPUs of a pool that the services hold, and how many it has."""

    name: str
    used_before: int
    used: int
    total_before: int
    total: int


@dataclass(frozen=True)
class StackChange:
    """What differs between two stacks."""

    old: str
    """Name of the stack before, or of the first of two."""
    new: str
    cluster: tuple[Detail, ...]
    services: tuple[ServiceChange, ...]
    pools: tuple[PoolChange, ...]
    npus: tuple[int, int]
    """NPUs that the services ask for, before and after."""
    deletions: tuple[str, ...] = ()
    """What goes beside services: the namespace with all that is in it, queues, and what a preview deletes."""
    replacements: tuple[str, ...] = ()
    """Objects that a preview deletes and makes anew, with its reasons, where no change of a service says so."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Services that are removed under one name while another is added with the same weights."""
    unread: tuple[str, ...] = ()
    """Services whose shape is refused on either side; nothing is said of them."""
    without_room: tuple[tuple[str, int], ...] = ()
    """Services and how many of their pods find no place after the change."""
    would_hang: tuple[Finding, ...] = ()
    """Updates that `pulumi up` refuses, since larger pods that run leave them no room."""

    @property
    def is_update(self) -> bool:
        """Whether the second is what becomes of the first; otherwise they are two environments."""
        return self.old == self.new

    @property
    def moves(self) -> bool:
        """Whether all is made anew in another cluster or namespace."""
        return self.is_update and any(detail.name in ("context", "namespace.name") for detail in self.cluster)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        beside = (*self.cluster, *self.unread, *self.deletions, *self.replacements)
        return not beside and len(self.of_kind("unchanged")) == len(self.services)

    @property
    def restarting(self) -> tuple[ServiceChange, ...]:
        """The services whose pods are replaced."""
        return tuple(one for one in self.services if one.restarts)

    @property
    def down(self) -> tuple[ServiceChange, ...]:
        """The services of which no pod answers for a while."""
        return tuple(one for one in self.services if one.downtime)

    @property
    def ending(self) -> tuple[ServiceChange, ...]:
        """The services that answer no more afterwards."""
        return tuple(one for one in self.services if one.ends)

    def of_kind(self, kind: Kind) -> Sequence[ServiceChange]:
        """The services that are added, removed, changed or unchanged."""
        return [one for one in self.services if one.kind == kind]


def is_derived(because: str) -> bool:
    """Whether a reason is neither a place in a file nor a default."""
    return because not in ("default", "given", NOT_GIVEN, NOT_THERE, NOT_OURS) and not re.search(r":\d+$", because)
