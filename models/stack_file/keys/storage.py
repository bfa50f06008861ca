"""Storage of weights: PersistentVolumeClaims, and directories for downloaded weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from models.record import ObjectName, Record, WritableDirectory
from models.stack_file.keys.memory import Quantity
from models.tagged_union import OneOf

STORE = "/var/lib/ascend-vllm/models"
"""The default directory for downloaded weights on every node."""


@dataclass(frozen=True)
class ClaimRequest:
    """The requests of a PersistentVolumeClaim that the stack creates."""

    size: int
    """Bytes."""
    storage_class: str | None
    """None for the cluster's default class."""


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim with weights."""

    name: str
    request: ClaimRequest | None
    """None if somebody else creates the claim."""


class ClaimStorage(Record):
    """A PersistentVolumeClaim. The stack creates it if `size` is set; otherwise it must exist."""

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"class": ["size"]}}
    )

    size: Quantity | None = Field(default=None, examples=["500Gi"])
    """Size of the claim. The stack creates it for the pods of all nodes (ReadWriteMany). Neither `pulumi destroy` nor a
    change of the stack file deletes it. Deleting its namespace does, so write `namespace: {create: false}`."""

    storage_class: ObjectName | None = Field(
        default=None, alias="class", examples=["csi-sfsturbo"]
    )
    """StorageClass of the claim that the stack creates. Default: the cluster's default class."""

    @model_validator(mode="after")
    def _class_needs_size(self) -> ClaimStorage:
        if self.storage_class and not self.size:
            raise ValueError(
                "class is for a claim that the stack creates: write size too"
            )
        return self

    @property
    def request(self) -> ClaimRequest | None:
        """The request with which the stack creates the claim. None if somebody else creates it."""
        if self.size is None:
            return None
        return ClaimRequest(size=self.size, storage_class=self.storage_class)


class DirectoryTarget(Record):
    """Keep the downloaded weights in a directory on every node."""

    path: WritableDirectory = Field(examples=[STORE])
    """Directory on every node. It is created if it does not exist."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights: there is none."""
        return None


class ClaimTarget(ClaimStorage):
    """Keep the downloaded weights in a PersistentVolumeClaim."""

    claim: ObjectName = Field(examples=["models"])
    """Name of a PersistentVolumeClaim that the pods of all nodes can write to."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights."""
        return Claim(self.claim, self.request)


Target = Annotated[DirectoryTarget | ClaimTarget, OneOf(scalar="path")]
"""Where downloaded weights are kept. A string is shorthand for `path`."""
