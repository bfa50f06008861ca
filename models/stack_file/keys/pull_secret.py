"""References to the credentials of image registries."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.record import DnsLabel, ObjectName, Record
from models.tagged_union import OneOf

PULL_KEY = ".dockerconfigjson"
"""Key of a Secret with the credentials of a registry. Kubernetes prescribes it."""


class NamespacePullSecret(Record):
    """The credentials of a registry in a Secret that exists in the namespace."""

    secret: ObjectName = Field(examples=["registry"])
    """Name of the Secret. Its type must be `kubernetes.io/dockerconfigjson`."""

    @property
    def key(self) -> str:
        """Key in the Secret."""
        return PULL_KEY

    def __str__(self) -> str:
        return self.secret

    __repr__ = __str__


class StackPullSecret(Record):
    """The credentials of a registry in a secret key of the stack. The stack creates a Secret from it."""

    config: DnsLabel = Field(examples=["registry"])
    """Key of the stack, set with `pulumi config set --secret`. Its value is a Docker config file."""


class CreatedPullSecret(NamespacePullSecret):
    """The credentials of a registry in a Secret that the stack creates."""

    config: str
    """Key of the stack with the value."""


PullSecret = Annotated[NamespacePullSecret | StackPullSecret, OneOf(scalar="secret")]
"""The credentials of an image registry. A string is shorthand for the name of a Secret."""
