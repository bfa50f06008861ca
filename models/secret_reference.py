"""References to values in Secrets. The value itself is never in a file as plain text."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.record import DnsLabel, ObjectName, Record, SecretKeyName
from models.tagged_union import OneOf


class NamespaceSecret(Record):
    """A value in a Secret that exists in the namespace."""

    secret: ObjectName = Field(examples=["qwen2-7b-api-key"])
    """Name of the Secret."""

    key: SecretKeyName = Field(examples=["key"])
    """Key in the Secret."""

    def __str__(self) -> str:
        return f"Secret {self.secret}, key {self.key}"

    __repr__ = __str__


class StackSecret(Record):
    """A secret key of the stack. The stack creates a Secret from it."""

    config: DnsLabel = Field(examples=["qwen2-7b-api-key"])
    """Key of the stack that was set with `pulumi config set --secret`."""


class CreatedSecret(NamespaceSecret):
    """A value in a Secret that the stack creates."""

    config: str
    """Key of the stack with the value."""


SecretKey = Annotated[NamespaceSecret | StackSecret, OneOf()]
"""A value in a Secret."""
