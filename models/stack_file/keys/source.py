"""The sources of weights: a directory on every node, a PersistentVolumeClaim, or a bucket."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from models.record import AbsolutePath, Below, Line, ObjectName, Record, Word
from models.secret_reference import SecretKey
from models.stack_file.keys.storage import (
    STORE,
    Claim,
    ClaimStorage,
    DirectoryTarget,
    Target,
)
from models.tagged_union import OneOf

WEIGHTS = "/mnt/models/Qwen2-7B-Instruct"
"""The directory of weights in examples."""

BUCKET = {
    "kind": "bucket",
    "endpoint": "https://obs.cn-north-4.myhuaweicloud.com",
    "region": "cn-north-4",
    "bucket": "models",
}
"""The bucket in examples."""

SOURCES: tuple[Any, ...] = (
    WEIGHTS,
    {
        "kind": "claim",
        "name": "models",
        "directory": "Qwen2-7B-Instruct",
        "size": "500Gi",
    },
    {
        **BUCKET,
        "accessKey": {"secret": "obs", "key": "access"},
        "secretKey": {"secret": "obs", "key": "secret"},
    },
)
"""An example of each kind of source. The fix of a refused source shows the one of its kind."""

_HOST = r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])"

_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

ENDPOINT = re.compile(rf"https?://{_HOST}(:{_PORT})?/?")
"""The address of an object storage: a host, and optionally a port."""


class HostPathSource(Record):
    """Weights in a directory on every node (manual, Step 1)."""

    kind: Literal["hostPath"] = "hostPath"
    """A directory on every node."""

    path: AbsolutePath = Field(examples=[WEIGHTS])
    """Directory on every node. The container sees it under the same path."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights: there is none."""
        return None

    @property
    def last_part(self) -> str:
        """The last part of the path. It is the default name of the model."""
        return _last_part(self.path)


class ClaimSource(ClaimStorage):
    """Weights in a PersistentVolumeClaim."""

    kind: Literal["claim"] = "claim"
    """A PersistentVolumeClaim."""

    name: ObjectName = Field(examples=["models"])
    """Name of the claim."""

    directory: Below | None = Field(default=None, examples=["Qwen2-7B-Instruct"])
    """Directory in the claim. Default: its root."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights."""
        return Claim(self.name, self.request)

    @property
    def last_part(self) -> str:
        """The last part of the directory, or the claim's name."""
        return _last_part(self.directory or self.name)


class BucketSource(Record):
    """Weights in a bucket with the S3 API, such as OBS. They are downloaded before the server starts."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {
                "accessKey": ["secretKey"],
                "secretKey": ["accessKey"],
            }
        }
    )

    kind: Literal["bucket"] = "bucket"
    """A bucket with the S3 API."""

    endpoint: Line = Field(
        examples=["https://obs.cn-north-4.myhuaweicloud.com"],
        json_schema_extra={"pattern": f"^{ENDPOINT.pattern}$"},
    )
    """URL of the object storage, without the bucket."""

    region: Word = Field(examples=["cn-north-4"])
    """Region of the bucket."""

    bucket: ObjectName = Field(examples=["models"])
    """Name of the bucket."""

    prefix: Below | None = Field(default=None, examples=["qwen/Qwen2-7B-Instruct"])
    """Directory in the bucket. Default: its root."""

    access_key: SecretKey | None = Field(
        default=None, examples=[{"secret": "obs", "key": "access"}]
    )
    """Access key ID that can read the files. A public bucket needs none. Only the init container that downloads the
    weights gets it."""

    secret_key: SecretKey | None = Field(
        default=None, examples=[{"secret": "obs", "key": "secret"}]
    )
    """Secret access key that belongs to `accessKey`."""

    to: Target = Field(default=DirectoryTarget(path=STORE), examples=[STORE])
    """Where the downloaded weights are kept: a path on every node, or a mapping such as `{claim: models}`. Each model
    has its own directory."""

    @model_validator(mode="after")
    def _both_keys(self) -> BucketSource:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError(
                "accessKey and secretKey belong together: write both, or neither for a public bucket"
            )
        return self

    @model_validator(mode="after")
    def _endpoint_is_a_host(self) -> BucketSource:
        if f"//{self.bucket}." in self.endpoint or not ENDPOINT.fullmatch(
            self.endpoint
        ):
            raise ValueError(
                "endpoint is https:// and the service's host, without bucket, path and credentials"
            )
        return self

    @property
    def stored_in(self) -> Claim | None:
        """The claim that keeps the downloaded weights. None when a directory on every node keeps them."""
        return self.to.stored_in

    @property
    def last_part(self) -> str:
        """The last part of the prefix, or the bucket's name."""
        return _last_part(self.prefix or self.bucket)


Source = Annotated[
    HostPathSource | ClaimSource | BucketSource,
    OneOf(default="hostPath", scalar="path"),
]
"""The source of the weights. A string is shorthand for the path of a `hostPath`."""


def _last_part(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
