"""The sources of weights: a directory of every node, a claim, or a bucket."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from models.record import AbsolutePath, Below, Line, ObjectName, Record, Word
from models.secret_reference import SecretKey
from models.stack_file.storage import (
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
    """Weights in a directory of every node (manual, Step 1)."""

    kind: Literal["hostPath"] = "hostPath"
    """A directory of every node."""

    path: AbsolutePath = Field(examples=[WEIGHTS])
    """Directory on every node. The container sees it under the same path."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights: there is none."""
        return None

    @property
    def last_part(self) -> str:
        """The last part of the path, from which the model gets its default name."""
        return _last_part(self.path)


class ClaimSource(ClaimStorage):
    """Weights in a PersistentVolumeClaim."""

    kind: Literal["claim"] = "claim"
    """A PersistentVolumeClaim."""

    name: ObjectName = Field(examples=["models"])
    """Name of the claim."""

    directory: Below | None = Field(default=None, examples=["Qwen2-7B-Instruct"])
    """Directory in the claim. Default: the whole claim."""

    @property
    def stored_in(self) -> Claim | None:
        """The claim with the weights."""
        return Claim(self.name, self.request)

    @property
    def last_part(self) -> str:
        """The last part of the directory, or the claim's name."""
        return _last_part(self.directory or self.name)


class BucketSource(Record):
    """Weights in a bucket with S3's API, such as OBS. They are fetched before the server starts."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {
                "accessKey": ["secretKey"],
                "secretKey": ["accessKey"],
            }
        }
    )

    kind: Literal["bucket"] = "bucket"
    """A bucket with S3's API."""

    endpoint: Line = Field(
        examples=["https://obs.cn-north-4.myhuaweicloud.com"],
        json_schema_extra={"pattern": f"^{ENDPOINT.pattern}$"},
    )
    """Address of the object storage, without the bucket."""

    region: Word = Field(examples=["cn-north-4"])
    """Region of the bucket."""

    bucket: ObjectName = Field(examples=["models"])
    """Name of the bucket."""

    prefix: Below | None = Field(default=None, examples=["qwen/Qwen2-7B-Instruct"])
    """Directory of the files in the bucket. Default: the whole bucket."""

    access_key: SecretKey | None = Field(
        default=None, examples=[{"secret": "obs", "key": "access"}]
    )
    """Access key ID that can read the files. Default: none, for a public bucket. Only the init container that fetches
    the weights gets it."""

    secret_key: SecretKey | None = Field(
        default=None, examples=[{"secret": "obs", "key": "secret"}]
    )
    """Secret access key that belongs to `accessKey`."""

    to: Target = Field(default=DirectoryTarget(path=STORE), examples=[STORE])
    """Where the weights are kept, each model in its own directory: a path on every node, or `{claim: …}`."""

    @model_validator(mode="after")
    def _both_keys(self) -> BucketSource:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError(
                "accessKey and secretKey go together; give both, or neither for a public bucket"
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
        """The claim that keeps the fetched weights, or None when a directory of every node does."""
        return self.to.stored_in

    @property
    def last_part(self) -> str:
        """The last part of the prefix, or the bucket's name."""
        return _last_part(self.prefix or self.bucket)


Source = Annotated[
    HostPathSource | ClaimSource | BucketSource,
    OneOf(default="hostPath", scalar="path"),
]
"""Where the weights are. A text is short for the path of a `hostPath`."""


def _last_part(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
