"""The operation of a service: rollout, replicas, CPU and memory, disruption budget, and Volcano queues."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from models.record import Cpu, Record
from models.stack_file.keys.memory import Quantity
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
    """Most additional pods during the update. Default: derived from the free NPUs of the pools."""

    max_unavailable: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Most unavailable pods during the update. Default: derived from `maxSurge`."""

    @model_validator(mode="after")
    def _one_pod_may_change(self) -> RollingUpdate:
        if (self.max_surge, self.max_unavailable) == (0, 0):
            raise ValueError(
                "maxSurge and maxUnavailable are both 0, which Kubernetes refuses"
            )
        return self


class ResolvedRollingUpdate(RollingUpdate):
    """A rolling update in which both numbers are set."""

    max_surge: int
    max_unavailable: int


class Recreate(Record):
    """Delete all pods before the new ones are created."""

    kind: Literal["recreate"] = "recreate"
    """All pods are deleted first."""


Rollout = Annotated[
    RollingUpdate | Recreate, OneOf(default="rollingUpdate", scalar="kind")
]
"""How pods are replaced. A string is shorthand for the kind: `rollout: recreate`."""

ResolvedRollout = ResolvedRollingUpdate | Recreate
"""How pods are replaced, with all defaults set."""


def none_when_empty(value: Any) -> Any:
    """None for an empty mapping, so that the key gets its default."""
    return None if value == {} else value


PlannedRollout = Annotated[Rollout | None, BeforeValidator(none_when_empty)]
"""A rollout, or None to derive it from the pools."""


class Resources(Record):
    """The CPU and memory of each pod. Defaults are derived from `npus`."""

    cpu: Cpu | None = Field(default=None, examples=[24])
    """CPU request. There is no limit: the pod may use more CPUs while the node has idle ones."""

    memory: Quantity | None = Field(default=None, examples=["192Gi"])
    """Memory request and limit, including `shm`. The default has room for `shm` and the reserved memory of the
    engine."""

    shm: Quantity | None = Field(default=None, examples=["16Gi"])
    """Size of `/dev/shm`, the shared memory of the engine's processes."""


class ResolvedResources(Resources):
    """The CPU and memory of each pod, with all defaults set."""

    cpu: int | str
    memory: int
    shm: int


class Queue(Record):
    """A Volcano queue."""

    npus: int | None = Field(default=None, ge=1, le=1_000_000, examples=[16])
    """Most NPUs that the pods of the queue may use together (Volcano's `capability`). Default: no quota."""

    weight: int = Field(default=1, ge=1, le=65_535)
    """Share of the queue, relative to other queues, when NPUs are scarce."""

    priority: int | None = Field(default=None, ge=0, le=1_000_000_000, examples=[100])
    """Pods of a queue with a higher number get free NPUs first. Default: that of Volcano, 0."""

    create: bool = False
    """Create the queue, and delete it with the stack. Keep `false` for a queue that somebody else owns."""


def external(value: Any) -> Any:
    """Read a number of pods, or the word `external` as None."""
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
"""A number of pods. None, written `external`, when an autoscaler sets it."""


class DisruptionBudget(Record):
    """How many pods may be evicted at the same time, such as when nodes are drained: a PodDisruptionBudget."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["maxUnavailable"]}, {"required": ["minAvailable"]}]
        }
    )

    max_unavailable: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Most pods that may be unavailable."""

    min_available: int | None = Field(default=None, ge=0, le=10_000, examples=[1])
    """Fewest pods that must stay available."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DisruptionBudget:
        if (self.max_unavailable is None) == (self.min_available is None):
            raise ValueError("write either maxUnavailable or minAvailable")
        return self
