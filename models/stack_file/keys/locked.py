"""The records of the lock file: the tested versions and weights of each service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from models.finding import Mark, Path, Span
from models.record import AbsolutePath, ImageName, Line, Record, text_like

LOCK_FILE = "ascend-vllm.lock"
"""Name of the lock file. It is in the directory of the stack files."""

Digest = Annotated[
    str,
    text_like(r"^sha256:[0-9a-f]{64}$", "must be sha256: and 64 hexadecimal digits"),
]
"""The SHA-256 of the manifest of an image, or of checksums."""

Release = Annotated[
    str,
    text_like(r"^[0-9][0-9A-Za-z.+-]*$", "must be a version such as 9.1.0"),
]
"""A version of a package."""


class LockedWeights(Record):
    """The weights of a service."""

    path: AbsolutePath = Field(examples=["/mnt/models/Qwen3-32B-W8A8"])
    """Their directory."""
    quantization: Line | None = Field(default=None, examples=["ascend"])
    """The method that they are quantized with."""
    checksums: Digest | None = None
    """The SHA-256 of the list of their checksums (`model.verify`)."""


class LockedService(Record):
    """The tested versions and weights of a service. A fact that is not known is left out."""

    image: ImageName = Field(examples=["registry.example.com/vllm-ascend:1.0.0"])
    """The image as the stack file names it."""
    digest: Digest | None = None
    """The digest of the image in its registry."""
    release: Release
    """The engine release."""
    cann: Release | None = Field(default=None, examples=["9.1.0"])
    """The version of CANN in the image."""
    torch: Release | None = Field(default=None, examples=["2.10.0"])
    """The version of PyTorch in the image."""
    torch_npu: Release | None = Field(default=None, examples=["2.10.0.post4"])
    """The version of torch-npu in the image."""
    python: Release | None = Field(default=None, examples=["3.12"])
    """The version of Python in the image."""
    driver: Release | None = Field(default=None, examples=["25.5.1"])
    """The oldest driver (HDK) that the nodes may have."""
    soc: Line | None = Field(default=None, examples=["a2"])
    """The type of NPU that the image is built for."""
    weights: LockedWeights
    """The weights."""


class LockFile(Record):
    """The content of the lock file."""

    version: Literal[1] = Field(examples=[1])
    """The version of its form."""
    stacks: dict[Line, dict[Line, JsonValue]] = Field(examples=[{}])
    """The entry of each locked service (`LockedService`), by stack and service."""


@dataclass(frozen=True)
class StackLock:
    """The entries of the lock file that are about one stack, or those in the stack file itself."""

    file: str
    services: Mapping[str, LockedService]
    broken: frozenset[str] = frozenset()
    """Services whose entry is refused."""
    spans: Mapping[Path, Span] = field(default_factory=dict)
    """The places of the values, by service and key."""
    is_complete: bool = True
    """Whether each service must have an entry; not in the stack file of a step of `ascend-vllm upgrade`."""

    def mark(self, service: str, key: str, note: str = "") -> Mark:
        """A mark on a key of a locked service."""
        path = (service, *key.split("."))
        return Mark(("lock", *path), note, self.spans.get(path))
