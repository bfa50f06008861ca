"""The model of a service: its weights, their checksums, and facts about it."""

from __future__ import annotations

import re

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from models.catalog.facts import Facts
from models.record import AbsolutePath, Duration, Line, Record
from models.stack_file.keys.source import (
    BUCKET,
    SOURCES,
    WEIGHTS,
    BucketSource,
    HostPathSource,
    Source,
)

MODELS = (WEIGHTS, {"source": BUCKET, "verify": "checksums/Qwen2-7B-Instruct.json"})
"""An example of a model for each kind of source."""


def _of_kind(*kinds: str) -> JsonDict:
    """The schema of a source of one of these kinds."""
    return {
        "type": "object",
        "properties": {"kind": {"enum": [*kinds]}},
        "required": ["kind"],
    }


class Model(Record):
    """The model. A string is shorthand for the path of its weights: `model: /mnt/models/Qwen2-7B-Instruct`."""

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
    """Name in the catalogue. Default: the last part of the path."""

    source: Source = Field(examples=[*SOURCES])
    """Source of the weights in Hugging Face format: a directory on every node (manual, Step 1), or a mapping."""

    mount_path: AbsolutePath | None = Field(
        default=None, examples=["/mnt/models/Qwen2-7B-Instruct"]
    )
    """Path in the container of weights from a claim or a bucket. Default: `/mnt/models/` and the name."""

    verify: Line | None = Field(
        default=None, examples=["checksums/Qwen2-7B-Instruct.json"]
    )
    """Checksum file, relative to the stack file, with the size and SHA-256 of each file of the weights. The weights are
    verified before the server starts. A bucket requires it: it lists the files to download. Create it with
    `ascend-vllm checksums`."""

    preparation: Duration | None = Field(
        default=None, le=7 * 24 * 3600, examples=["2h"]
    )
    """Longest time for downloading or verifying the weights. Default: derived from their size."""

    config_json: Line | None = Field(default=None, examples=["configs/my-model.json"])
    """Copy of the model's config.json, relative to the stack file. It replaces the facts of the catalogue."""

    facts: Facts | None = Field(
        default=None, examples=[{"maxPositionEmbeddings": 32768}]
    )
    """Facts about the model. They override the catalogue and `configJson`."""

    @model_validator(mode="after")
    def _what_the_source_needs(self) -> Model:
        if self.mount_path and isinstance(self.source, HostPathSource):
            raise ValueError(
                "mountPath is for a claim or a bucket; a directory of the node is seen under its own path"
            )
        if isinstance(self.source, BucketSource) and not self.verify:
            raise ValueError(
                "a bucket needs verify: the checksums list the files to fetch"
            )
        if self.preparation is not None and not self.verify:
            raise ValueError(
                "preparation is for weights that are fetched or verified: write verify"
            )
        return self


def directory_name(model: str) -> str:
    """The directory name of a model: the last part of its name, with letters, digits, `.`, `_` and `-` only."""
    return (
        re.sub(r"[^\w.-]+", "-", model.rstrip("/").rpartition("/")[2]).strip(".-")
        or "model"
    )
