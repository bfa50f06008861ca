"""A step of a plan: one `pulumi up`, or a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "start", "scale", "stop", "delete", "update", "compare", "switch", "switch back"
]

Way = Literal["", "additional pod", "one by one", "delete first"]
"""How an update replaces the pods; empty for another step."""


@dataclass(frozen=True)
class Replicas:
    """How many replicas of a service run in one version."""

    is_new: bool
    """Whether they are those of the wanted stack."""
    number: int


@dataclass(frozen=True)
class Together:
    """A further service that a step updates."""

    service: str
    before: int
    """Replicas before the step."""
    after: int
    """Replicas after the step."""
    way: Way


@dataclass(frozen=True)
class Step:
    """One step."""

    kind: Kind
    service: str
    before: int
    """Replicas before the step."""
    after: int
    """Replicas after the step."""
    way: Way
    peak: int
    """Most NPUs that the pods of the stack hold during the step."""
    seconds: int
    """Longest duration of the step."""
    downtime: Mapping[str, int]
    """Seconds in which services do not answer during the step."""
    frees: Mapping[str, int]
    """NPUs that are free on a node after the step and were not before, by node."""
    state: Mapping[str, Replicas]
    """The services that have pods after the step."""
    companions: Mapping[str, str] = field(default_factory=dict)
    """The service of each companion that runs after the step, by the companion's name."""
    switched: tuple[str, ...] = ()
    """The services whose requests their companions answer after the step."""
    together: Together | None = None
    """The other service of a pair, if the step updates both."""
