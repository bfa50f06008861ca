"""The values of environment variables: texts, Secrets, fields of the pod, and paths added to those of the image."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from models.record import Record, Text, text_like
from models.secret_reference import NamespaceSecret, StackSecret
from models.tagged_union import RECORD, TEXT, OneOf

_NAMED_FIELDS = (
    r"metadata\.(name|namespace|uid)"
    r"|spec\.(nodeName|serviceAccountName)"
    r"|status\.(podIPs?|hostIPs?)"
)
_LABEL = r"metadata\.(labels|annotations)\['[^']+'\]"

PodFieldPath = Annotated[
    str,
    text_like(
        f"^({_NAMED_FIELDS}|{_LABEL})$",
        "must be a field that Kubernetes offers to variables, such as status.podIP",
    ),
]
"""A field of the pod that Kubernetes offers to variables (k8s.io/api v0.34.1, core/v1, ObjectFieldSelector)."""


class PodField(Record):
    """A value that is known when the pod starts, such as its address."""

    field: PodFieldPath = Field(examples=["status.podIP"])
    """Field of the pod: `status.podIP`, `status.hostIP`, `spec.nodeName`, `metadata.name`, a label or an annotation."""

    def __str__(self) -> str:
        return f"the pod's {self.field}"

    __repr__ = __str__


PathList = Annotated[
    Text,
    text_like(
        r"^[^\x00\r\n\x24`:]+(:[^\x00\r\n\x24`:]+)*$",
        "must be one or more paths joined by :, without shell text",
    ),
]
"""Paths joined by `:`."""


class PathAddition(Record):
    """Paths that are added to a variable of the image, such as `LD_LIBRARY_PATH`."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [{"anyOf": [{"required": ["prepend"]}, {"required": ["append"]}]}]
        }
    )

    prepend: PathList | None = Field(default=None, examples=["/opt/lib"])
    """Paths before those of the image."""

    append: PathList | None = Field(default=None, examples=["/opt/lib"])
    """Paths after those of the image."""

    @model_validator(mode="after")
    def _adds_a_path(self) -> PathAddition:
        if self.prepend is None and self.append is None:
            raise ValueError("a path to add is needed: write prepend or append")
        return self

    def __str__(self) -> str:
        parts = []
        if self.prepend:
            parts.append(f"{self.prepend} before the image's")
        if self.append:
            parts.append(f"{self.append} after the image's")
        return ", ".join(parts)

    __repr__ = __str__


_Reference = Annotated[NamespaceSecret | StackSecret | PodField | PathAddition, OneOf()]

EnvironmentValue = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[_Reference, Tag(RECORD)],
    Discriminator(lambda value: RECORD if isinstance(value, dict | Record) else TEXT),
]
"""The value of a variable: a text, or a mapping that says where it comes from."""
