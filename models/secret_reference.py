"""References to values in Secrets."""

from __future__ import annotations

from pydantic import Field, model_validator

from models.record import DnsLabel, ObjectName, Record, SecretKeyName


class SecretKey(Record):
    """A value in a Secret: in one that exists in the namespace, or in one that the stack makes of a secret key of its
    own. The value itself never stands in a file as plain text.
    """

    secret: ObjectName = Field(default="", examples=["qwen2-7b-api-key"])
    """Name of a Secret that exists in the namespace."""

    key: SecretKeyName = Field(default="", examples=["key"])
    """Key in that Secret."""

    config: DnsLabel = Field(default="", examples=["qwen2-7b-api-key"])
    """In the place of both, a key of the stack that was set with `pulumi config set --secret`."""

    @model_validator(mode="after")
    def _one_form(self) -> SecretKey:
        if bool(self.config) == bool(self.secret or self.key) or bool(self.secret) != bool(self.key):
            raise ValueError("write {secret: NAME, key: KEY} or {config: NAME}")
        return self

    def __str__(self) -> str:
        return f"Secret {self.secret}, key {self.key}"

    __repr__ = __str__
