"""Where the weights of a model come from: a directory of every node, a claim, or a bucket."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from pydantic import Field, model_validator

from models.catalog.facts import Facts
from models.record import AbsolutePath, Below, Duration, Line, ObjectName, Record, Word
from models.secret_reference import SecretKey
from models.stack_file.checksums import WeightFiles
from models.stack_file.storage import STORE, Storage, Target

MOUNT = "/mnt/models"
"""Where the container sees weights that no directory of the node gives a path."""


SOURCE_FIELDS = {
    "hostPath": ({"path"}, set[str]()),
    "claim": ({"name"}, {"directory", "size", "class"}),
    "bucket": ({"endpoint", "region", "bucket"}, {"prefix", "accessKey", "secretKey", "to"}),
}
"""What a source of weights needs and may have, by its kind."""


_WEIGHTS = "/mnt/models/Qwen2-7B-Instruct"


_BUCKET = {
    "kind": "bucket",
    "endpoint": "https://obs.cn-north-4.myhuaweicloud.com",
    "region": "cn-north-4",
    "bucket": "models",
}


SOURCES = (
    _WEIGHTS,
    {"kind": "claim", "name": "models", "directory": "Qwen2-7B-Instruct", "size": "500Gi"},
    {**_BUCKET, "accessKey": {"secret": "obs", "key": "access"}, "secretKey": {"secret": "obs", "key": "secret"}},
)
"""An example of each kind of source, for the fix of one that is refused."""


MODELS = (_WEIGHTS, {"source": _BUCKET, "verify": "manifests/Qwen2-7B-Instruct.json"})
"""Likewise of a model."""


ENDPOINT = re.compile(
    r"""(?x)
    https?://
    (?: [A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.? | \[[0-9A-Fa-f:.]+\] )
    (?: :(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]) )?
    /?
    """
)
"""The address of a service: a host, and a port."""


class Source(Storage):
    """Where the weights are. A scalar is shorthand for the path of a `hostPath`."""

    kind: Literal["hostPath", "claim", "bucket"] = "hostPath"
    """`hostPath` is a directory of every node (manual, Step 1); `claim` a PersistentVolumeClaim; from a `bucket`, which
    speaks S3's API as OBS does, they are fetched before the server starts."""

    path: AbsolutePath | None = Field(default=None, examples=["/mnt/models/Qwen2-7B-Instruct"])
    """Directory on every node; the container sees it under the same path. Only for `hostPath`."""

    name: ObjectName | None = Field(default=None, examples=["models"])
    """Name of the PersistentVolumeClaim. Only for `claim`."""

    directory: Below | None = Field(default=None, examples=["Qwen2-7B-Instruct"])
    """Directory in the claim; when left out, all of it. Only for `claim`."""

    endpoint: Line | None = Field(default=None, examples=["https://obs.cn-north-4.myhuaweicloud.com"])
    """Address of the service without the bucket. Only for `bucket`, as all that follows."""

    region: Word | None = Field(default=None, examples=["cn-north-4"])
    """Region of the bucket."""

    bucket: ObjectName | None = Field(default=None, examples=["models"])
    """Name of the bucket."""

    prefix: Below | None = Field(default=None, examples=["qwen/Qwen2-7B-Instruct"])
    """What the names of the files begin with in the bucket."""

    access_key: SecretKey | None = Field(default=None, examples=[{"secret": "obs", "key": "access"}])
    """Access key ID that may read the files; without it the bucket is public. Only the step that fetches has it."""

    secret_key: SecretKey | None = Field(default=None, examples=[{"secret": "obs", "key": "secret"}])
    """Secret access key, likewise."""

    to: Target = Field(default=Target(path=STORE), examples=[STORE])
    """Where they are kept, each model in a directory of its own: a path of every node, or `{claim: …}`."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fields_of_the_kind(self) -> Source:
        needed, more = SOURCE_FIELDS[self.kind]
        given = {*self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)}
        if missing := needed - given:
            raise ValueError(f"kind {self.kind} needs {', '.join(sorted(missing))}")
        if strange := given - {"kind", *needed, *more}:
            raise ValueError(f"{', '.join(sorted(strange))} is not for kind {self.kind}")
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("accessKey and secretKey go together; give both, or neither for a public bucket")
        if self.endpoint and (f"//{self.bucket}." in self.endpoint or not ENDPOINT.fullmatch(self.endpoint)):
            raise ValueError("endpoint is https:// and the service's host, without bucket, path and credentials")
        return self

    @property
    def claim(self) -> str | None:
        """The claim that the weights lie in, if they do."""
        return self.to.claim if self.kind == "bucket" else self.name

    @property
    def storage(self) -> Storage:
        """How that claim is made."""
        return self.to if self.kind == "bucket" else self

    @property
    def last_part(self) -> str:
        """What the weights are called where they are."""
        found = self.path or self.directory or self.name or self.prefix or self.bucket or ""
        return found.rstrip("/").rpartition("/")[2]


class Model(Record):
    """The weights. A scalar is shorthand for their path: `model: /mnt/models/Qwen2-7B-Instruct`."""

    name: Line = Field(default="", examples=["Qwen2-7B-Instruct"])
    """Name in the catalogue; when left out, the last part of the path."""

    source: Source = Field(examples=[*SOURCES])
    """Where the weights are, in Hugging Face format: a directory of every node (manual, Step 1), or a mapping."""

    mount_path: AbsolutePath | None = Field(default=None, examples=["/mnt/models/Qwen2-7B-Instruct"])
    """Where the container sees the weights of a claim or a bucket; when left out, `/mnt/models/` and the name."""

    verify: Line | None = Field(default=None, examples=["manifests/Qwen2-7B-Instruct.json"])
    """Manifest with the size and SHA-256 of each file, relative to the stack file (`ascend-vllm manifest` makes it):
    the files are verified before the server starts. A bucket needs it, as it says what to fetch."""

    preparation: Duration | None = Field(default=None, le=7 * 24 * 3600, examples=["2h"])
    """Longest time that weights may take to be fetched or verified; when left out, by their size."""

    config_json: Line | None = Field(default=None, examples=["configs/my-model.json"])
    """A copy of the model's config.json, relative to the stack file; it takes the place of what the catalogue knows."""

    facts: Facts | None = Field(default=None, examples=[{"maxPositionEmbeddings": 32768}])
    """Measures of the model that correct what the catalogue or `configJson` says, or give it."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _what_the_source_needs(self) -> Model:
        if self.mount_path and self.source.kind == "hostPath":
            raise ValueError("mountPath is for a claim or a bucket; a directory of the node is seen under its own path")
        if self.source.kind == "bucket" and not self.verify:
            raise ValueError("a bucket needs verify: the manifest says which files to fetch")
        if self.preparation is not None and not self.verify:
            raise ValueError("preparation is for weights that are fetched or verified: give verify")
        return self

    def resolved(self, files: WeightFiles | None) -> tuple[Model, dict[str, str]]:
        """With nothing left open, and why each added value is what it is: five minutes of preparation, and 50 MiB a
        second from a bucket or 200 MiB a second from a disk."""
        found, because = dict[str, Any](), dict[str, str]()
        if not self.name:
            found["name"], because["model.name"] = self.source.last_part, "the last part of its source"
        if files and self.preparation is None:
            speed = (50 if self.source.kind == "bucket" else 200) * 2**20
            found["preparation"] = 60 * math.ceil(5 + files.total / speed / 60)
            because["model.preparation"] = "the size of the weights"
        return self.model_copy(update=found), because

    @property
    def path(self) -> str:
        """Where the container sees the weights; it does not change with their content."""
        return self.mount_path or self.source.path or f"{MOUNT}/{directory_name(self.name)}"


def directory_name(model: str) -> str:
    """The name of a model as a directory's: its last part, of letters, digits, `.`, `_` and `-`."""
    return re.sub(r"[^\w.-]+", "-", model.rstrip("/").rpartition("/")[2]).strip(".-") or "model"
