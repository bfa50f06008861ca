"""The credentials of image registries, as a stack file refers to them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from models.record import DnsLabel, ObjectName, Record

PULL_KEY = ".dockerconfigjson"
"""Key of a Secret that holds the credentials of a registry."""


class PullSecret(Record):
    """The credentials of an image registry. A scalar is shorthand for the name of a Secret."""

    secret: ObjectName = Field(default="", examples=["registry"])
    """Name of a Secret of the type `kubernetes.io/dockerconfigjson` that exists in the namespace."""

    config: DnsLabel = Field(default="", examples=["registry"])
    """In its place, a key of the stack that was set with `pulumi config set --secret`; it holds a docker config."""

    @property
    def key(self) -> str:
        """Key in the Secret, Kubernetes'."""
        return PULL_KEY

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"secret": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_form(self) -> PullSecret:
        if bool(self.config) == bool(self.secret):
            raise ValueError("write the name of a Secret or {config: NAME}")
        return self

    def __str__(self) -> str:
        return self.secret

    __repr__ = __str__
