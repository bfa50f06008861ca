"""How a service is run: its rollout, what it asks of a node beside NPUs, and Volcano's queues."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from models.record import Cpu, Quantity, Record
from models.tagged_union import OneOf


class RollingUpdate(Record):
    """Replace pods one after the other."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "properties": {
                    "maxSurge": {"const": 0},
                    "maxUnavailable": {"const": 0},
                },
                "required": ["maxSurge", "maxUnavailable"],
            }
        }
    )

    kind: Literal["rollingUpdate"] = "rollingUpdate"
    """Pods are replaced one after the other."""

    max_surge: int | None = Field(default=None, ge=0, le=10_000, examples=[0])
    """Additional pods during the update. Default: it follows from the free NPUs of the pools."""

    max_unavailable: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Missing pods during the update. Default: it follows from `maxSurge`."""

    @model_validator(mode="after")
    def _one_pod_may_change(self) -> RollingUpdate:
        if (self.max_surge, self.max_unavailable) == (0, 0):
            raise ValueError(
                "maxSurge and maxUnavailable are both 0, which Kubernetes refuses"
            )
        return self


class ResolvedRollingUpdate(RollingUpdate):
    """A rolling update with both numbers."""

    max_surge: int
    max_unavailable: int


class Recreate(Record):
    """Delete all pods, and then create the new ones."""

    kind: Literal["recreate"] = "recreate"
    """All pods are deleted first."""


Rollout = Annotated[
    RollingUpdate | Recreate, OneOf(default="rollingUpdate", scalar="kind")
]
"""How pods are replaced. A text is short for the kind: `rollout: recreate`."""

ResolvedRollout = ResolvedRollingUpdate | Recreate
"""How pods are replaced, with nothing left open."""


def none_when_empty(value: Any) -> Any:
    """An empty mapping leaves a key to its default."""
    return None if value == {} else value


PlannedRollout = Annotated[Rollout | None, BeforeValidator(none_when_empty)]
"""A rollout, or None to plan it by the pools."""


class Resources(Record):
    """What each pod asks of its node beside NPUs; what is left out follows from `npus`."""

    cpu: Cpu | None = Field(default=None, examples=[24])
    """CPUs that are reserved; the pod may use more while the node has them."""

    memory: Quantity | None = Field(default=None, ge=1, examples=["192Gi"])
    """Memory that is reserved, and that the pod may use at most, including `shm`."""

    shm: Quantity | None = Field(default=None, ge=1, examples=["16Gi"])
    """Size of `/dev/shm`, through which the processes of the engine talk."""


class ResolvedResources(Resources):
    """The resources of each pod with all defaults."""

    cpu: int | str
    memory: int
    shm: int


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
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 10_000},
                {"const": "external"},
            ]
        }
    ),
]
"""A number of pods, or None where somebody else sets it, written `external`."""


class DisruptionBudget(Record):
    """How many pods may be evicted at a time, as when nodes are drained: a PodDisruptionBudget."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["maxUnavailable"]}, {"required": ["minAvailable"]}]
        }
    )

    max_unavailable: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Pods that may be missing."""

    min_available: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Pods that have to stay."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DisruptionBudget:
        if (self.max_unavailable is None) == (self.min_available is None):
            raise ValueError("give either maxUnavailable or minAvailable")
        return self
