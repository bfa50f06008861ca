"""Where weights are kept that are not read from a directory of the node: claims and directories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from models.record import ObjectName, Quantity, Record, WritableDirectory
from models.tagged_union import OneOf

STORE = "/var/lib/ascend-vllm/models"
"""The default directory of every node for fetched weights."""


@dataclass(frozen=True)
class ClaimRequest:
    """What the stack requests when it creates a PersistentVolumeClaim."""

    size: int
    """Bytes."""
    storage_class: str | None
    """None for the cluster's default class."""


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim with weights."""

    name: str
    request: ClaimRequest | None
    """None when the claim exists already."""


class ClaimStorage(Record):
    """How a PersistentVolumeClaim is created. Without `size`, the claim exists already."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"class": ["size"]}}
    )

    size: Quantity | None = Field(default=None, ge=1, examples=["500Gi"])
    """Size of the claim that the stack creates for the pods of all nodes (ReadWriteMany). Neither `pulumi destroy` nor
    a change of the stack file deletes the claim. Deleting its namespace does: write `namespace: {create: false}`."""

    storage_class: ObjectName | None = Field(
        default=None, alias="class", examples=["csi-sfsturbo"]
    )
    """StorageClass of the claim that the stack creates. Default: the cluster's default class."""

    @model_validator(mode="after")
    def _class_needs_size(self) -> ClaimStorage:
        if self.storage_class and not self.size:
            raise ValueError("class is for a claim that the stack makes: give size too")
        return self

    @property
    def request(self) -> ClaimRequest | None:
        """What the stack requests when it creates the claim; None when the claim exists already."""
        if self.size is None:
            return None
        return ClaimRequest(size=self.size, storage_class=self.storage_class)


class DirectoryTarget(Record):
    """Keep the fetched weights in a directory of every node."""

    path: WritableDirectory = Field(examples=[STORE])
    """Directory on every node. It is created when it is missing."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights: there is none."""
        return None


class ClaimTarget(ClaimStorage):
    """Keep the fetched weights in a PersistentVolumeClaim."""

    claim: ObjectName = Field(examples=["models"])
    """PersistentVolumeClaim that pods of all nodes can write to."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights."""
        return Claim(self.claim, self.request)


Target = Annotated[DirectoryTarget | ClaimTarget, OneOf(scalar="path")]
"""Where fetched weights are kept. A text is short for `path`."""
