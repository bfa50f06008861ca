"""The model of a service: its weights, their checksums, and its measures."""

from __future__ import annotations

import re

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from models.catalog.facts import Facts
from models.record import AbsolutePath, Duration, Line, Record
from models.stack_file.source import (
    BUCKET,
    SOURCES,
    WEIGHTS,
    BucketSource,
    HostPathSource,
    Source,
)

MODELS = (WEIGHTS, {"source": BUCKET, "verify": "manifests/Qwen2-7B-Instruct.json"})
"""An example of a model for each kind of source."""


def _of_kind(*kinds: str) -> JsonDict:
    """The schema of a source of one of these kinds."""
    return {
        "type": "object",
        "properties": {"kind": {"enum": [*kinds]}},
        "required": ["kind"],
    }


class Model(Record):
    """The weights. A scalar is shorthand for their path: `model: /mnt/models/Qwen2-7B-Instruct`."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {"preparation": ["verify"]},
            "allOf": [
                {
                    "if": {"properties": {"source": _of_kind("bucket")}},
                    "then": {"required": ["verify"]},
                },
                {
                    "if": {"properties": {"source": _of_kind("bucket", "claim")}},
                    "else": {"properties": {"mountPath": {"type": "null"}}},
                },
            ],
        }
    )

    shorthand = "source"

    name: Line = Field(default="", examples=["Qwen2-7B-Instruct"])
    """Name in the catalogue; when left out, the last part of the path."""

    source: Source = Field(examples=[*SOURCES])
    """Where the weights are, in Hugging Face format: a directory of every node (manual, Step 1), or a mapping."""

    mount_path: AbsolutePath | None = Field(
        default=None, examples=["/mnt/models/Qwen2-7B-Instruct"]
    )
    """Where the container sees the weights of a claim or a bucket; when left out, `/mnt/models/` and the name."""

    verify: Line | None = Field(
        default=None, examples=["manifests/Qwen2-7B-Instruct.json"]
    )
    """Manifest with the size and SHA-256 of each file, relative to the stack file (`ascend-vllm manifest` makes it):
    the files are verified before the server starts. A bucket needs it, as it says what to fetch."""

    preparation: Duration | None = Field(
        default=None, le=7 * 24 * 3600, examples=["2h"]
    )
    """Longest time that weights may take to be fetched or verified; when left out, by their size."""

    config_json: Line | None = Field(default=None, examples=["configs/my-model.json"])
    """A copy of the model's config.json, relative to the stack file; it takes the place of what the catalogue knows."""

    facts: Facts | None = Field(
        default=None, examples=[{"maxPositionEmbeddings": 32768}]
    )
    """Measures of the model that correct what the catalogue or `configJson` says, or give it."""

    @model_validator(mode="after")
    def _what_the_source_needs(self) -> Model:
        if self.mount_path and isinstance(self.source, HostPathSource):
            raise ValueError(
                "mountPath is for a claim or a bucket; a directory of the node is seen under its own path"
            )
        if isinstance(self.source, BucketSource) and not self.verify:
            raise ValueError(
                "a bucket needs verify: the manifest says which files to fetch"
            )
        if self.preparation is not None and not self.verify:
            raise ValueError(
                "preparation is for weights that are fetched or verified: give verify"
            )
        return self


def directory_name(model: str) -> str:
    """The name of a model as a directory's: its last part, of letters, digits, `.`, `_` and `-`."""
    return (
        re.sub(r"[^\w.-]+", "-", model.rstrip("/").rpartition("/")[2]).strip(".-")
        or "model"
    )
