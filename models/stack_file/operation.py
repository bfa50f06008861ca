"""How a service is run: its rollout, what it asks of a node beside NPUs, and Volcano's queues."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from models.record import Cpu, Quantity, Record


class Rollout(Record):
    """How pods are replaced. A scalar is shorthand for the kind: `rollout: recreate`.

    What is left out follows from the pools and the other services: a pod more while its NPUs are sure to be free, and
    otherwise delete first.
    """

    kind: Literal["rollingUpdate", "recreate"] | None = Field(default=None, examples=["recreate"])
    """`rollingUpdate` replaces pod by pod, `recreate` deletes all pods and then makes the new ones."""

    max_surge: int | None = Field(default=None, ge=0, le=10_000, examples=[0])
    """Pods more than `replicas` while the update lasts; only for `rollingUpdate`."""

    max_unavailable: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Pods fewer than `replicas` while the update lasts; only for `rollingUpdate`."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _numbers_of_a_rolling_update(self) -> Rollout:
        if self.kind == "recreate" and self.model_fields_set & {"max_surge", "max_unavailable"}:
            raise ValueError("maxSurge and maxUnavailable are for kind rollingUpdate")
        if (self.max_surge, self.max_unavailable) == (0, 0):
            raise ValueError("maxSurge and maxUnavailable are both 0, which Kubernetes refuses")
        return self


class Resources(Record):
    """What each pod asks of its node beside NPUs; what is left out follows from `npus`."""

    cpu: Cpu | None = Field(default=None, examples=[24])
    """CPUs that are reserved; the pod may use more while the node has them."""

    memory: Quantity | None = Field(default=None, ge=1, examples=["192Gi"])
    """Memory that is reserved and that the pod may use at most, `shm` included."""

    shm: Quantity | None = Field(default=None, ge=1, examples=["16Gi"])
    """Size of `/dev/shm`, through which the processes of the engine talk."""


class Queue(Record):
    """A queue of Volcano's."""

    npus: int | None = Field(default=None, ge=1, le=1_000_000, examples=[16])
    """Most NPUs that its pods hold together (`capability`); without it the queue has no quota."""

    weight: int = Field(default=1, ge=1, le=65_535)
    """Its share against other queues when NPUs are scarce."""

    create: bool = False
    """Make the queue, and delete it with the stack; false when somebody else owns it."""


def external(value: Any) -> Any:
    """A number of pods, or None for the word `external`."""
    if value is None or (isinstance(value, str) and value != "external"):
        raise ValueError("write a number, or external for one that an autoscaler sets")
    return None if value == "external" else value


Replicas = Annotated[
    int | None,
    BeforeValidator(external),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 10_000}, {"const": "external"}]}),
]
"""A number of pods, or None where somebody else sets it, written `external`."""


class DisruptionBudget(Record):
    """How many pods may be evicted at a time, as when nodes are drained: a PodDisruptionBudget."""

    max_unavailable: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Pods that may be missing."""

    min_available: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Pods that have to stay."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DisruptionBudget:
        if (self.max_unavailable is None) == (self.min_available is None):
            raise ValueError("give either maxUnavailable or minAvailable")
        return self
