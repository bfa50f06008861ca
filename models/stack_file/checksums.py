"""The files of a model's weights, each with its size and checksum."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Annotated

from pydantic import Field, model_validator

from models.record import Below, Record, text_like

MOST_BYTES = 180_000
"""The most bytes of all checksums: some 1,400 files. A ConfigMap has 1 MiB, also for scripts and templates."""

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")

_LONGEST_NAME = 255
"""Bytes of the longest name of a file or a directory (Linux, NAME_MAX)."""

_LONGEST_PATH = 1024
"""Bytes of the longest key of an object in a bucket (Amazon S3, object key naming guidelines)."""

Checksum = Annotated[str, text_like(r"^[0-9a-f]{64}$", "must be 64 hexadecimal digits")]
"""The SHA-256 of a file."""


def _problem_of_name(name: str) -> str:
    """Why no file has a name on every node and in every bucket; empty if it can."""
    if not name.isprintable():
        return "has a character that cannot be printed"
    if unicodedata.normalize("NFC", name) != name:
        return "is not in Unicode's normal form NFC, so its letters have other bytes elsewhere"
    if any(len(part.encode()) > _LONGEST_NAME for part in name.split("/")):
        return f"has a part of more than {_LONGEST_NAME} bytes"
    if len(name.encode()) > _LONGEST_PATH:
        return f"has more than {_LONGEST_PATH} bytes"
    return ""


class WeightFile(Record):
    """A file of the weights."""

    size: int = Field(ge=0, lt=1 << 63, examples=[3945441440])
    """Its size in bytes."""

    sha256: Checksum = Field(
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
    )
    """Its checksum."""


class Checksums(Record):
    """The checksums of a model's weights, which `ascend-vllm checksums` writes."""

    files: dict[Below, WeightFile] = Field(
        min_length=1, examples=[{"config.json": {"size": 663, "sha256": "…"}}]
    )
    """The files by their names below the directory."""

    @model_validator(mode="after")
    def _has_names_of_files(self) -> Checksums:
        for name in self.files:
            problem = _problem_of_name(name) or self._directory_problem(name)
            if problem:
                raise ValueError(f"{json.dumps(name)} {problem}")
        return self

    def _directory_problem(self, name: str) -> str:
        """Why a file cannot be where its name says; empty if it can."""
        parts = name.split("/")
        for depth in range(1, len(parts)):
            directory = "/".join(parts[:depth])
            if directory in self.files:
                return f"is below {json.dumps(directory)}, which is a file as well"
        return ""

    @model_validator(mode="after")
    def _fits_beside_the_launch_script(self) -> Checksums:
        if len(self.text.encode()) > MOST_BYTES:
            raise ValueError(
                f"it has more than {MOST_BYTES} bytes, more than the ConfigMap of the launch can hold; list fewer files"
            )
        return self

    @property
    def lacks(self) -> str:
        """The files that the server needs and that are missing: config.json, the weights themselves."""
        missing = [] if "config.json" in self.files else ["config.json"]
        missing += (
            []
            if any(name.endswith(_WEIGHTS) for name in self.files)
            else ["file of weights"]
        )
        return " and no ".join(missing)

    @property
    def text(self) -> str:
        """The checksums as JSON, the same for the same files."""
        return json.dumps(
            self.model_dump(), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )

    @property
    def sha256(self) -> str:
        """The SHA-256 of this text, which stands for the files."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def digest(self) -> str:
        """Ten hexadecimal digits that stand for the files."""
        return self.sha256[:10]

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())
