"""How the PersistentVolumeClaims of a stack file are written."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, model_validator

from models.record import SYSTEM, AbsolutePath, ObjectName, Quantity, Record

STORE = "/var/lib/ascend-vllm/models"
"""Directory of every node that fetched weights are kept in, where the stack file names none."""


class Storage(Record):
    """How a PersistentVolumeClaim is made; without `size` it exists."""

    size: Quantity | None = Field(default=None, ge=1, examples=["500Gi"])
    """Size of the claim that the stack makes for the pods of all nodes (ReadWriteMany). Neither `pulumi destroy` nor a
    change of the stack file deletes it; the end of its namespace does, so keep that (`namespace: {create: false}`)."""

    storage_class: ObjectName | None = Field(default=None, alias="class", examples=["csi-sfsturbo"])
    """StorageClass of the claim that the stack makes; when left out, the cluster's default."""

    @model_validator(mode="after")
    def _class_of_what_is_made(self) -> Storage:
        if self.storage_class and not self.size:
            raise ValueError("class is for a claim that the stack makes: give size too")
        return self


class Target(Storage):
    """Where fetched weights are kept. A scalar is shorthand for the path."""

    path: AbsolutePath | None = Field(default=None, examples=[STORE])
    """Directory of every node; made when it is missing."""

    claim: ObjectName | None = Field(default=None, examples=["models"])
    """PersistentVolumeClaim that pods of all nodes may write to."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_of_both(self) -> Target:
        if (self.path is None) == (self.claim is None) or (self.path and self.size):
            raise ValueError("give either path, or claim and what it is made with")
        if self.path and str(PurePosixPath(self.path)) in SYSTEM:
            raise ValueError("it is a directory of the node's system; name one below it")
        return self
