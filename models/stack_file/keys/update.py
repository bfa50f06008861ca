"""How the next launch of a service takes the place of the present one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.record import Duration, Record
from models.tagged_union import OneOf


class UpdateInPlace(Record):
    """Replace the pods of the service, see `rollout`."""

    kind: Literal["inPlace"] = "inPlace"
    """The pods of the service are replaced."""


class UpdateByComparison(Record):
    """Start the next launch as a second service beside the present one, and switch to it only if `compare` promotes
    it. `ascend-vllm upgrade` runs these steps; a single `pulumi up` replaces the pods of the service."""

    kind: Literal["compare"] = "compare"
    """The next launch runs as the service `NAME-next` until the pods of the service are replaced."""

    replicas: int | None = Field(default=None, ge=1, le=10_000, examples=[1])
    """Pods of the second service, which answer all requests while those of the service are replaced. Default: as many
    as the service has."""

    rounds: int = Field(default=12, ge=0, le=1000, examples=[0])
    """Rounds of load of the comparison; 0 for answers only. Users of the service make it slower than the second
    one."""

    timeout: Duration = Field(
        default=1800,
        ge=60,
        le=24 * 3600,
        examples=["1h"],
        json_schema_extra={"default": "30m"},
    )
    """Longest duration of the comparison."""


Update = Annotated[
    UpdateInPlace | UpdateByComparison, OneOf(default="inPlace", scalar="kind")
]
"""How the next launch takes the place of the present one. A string is shorthand for the kind: `update: compare`."""
