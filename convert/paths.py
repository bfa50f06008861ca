"""Where the container's paths lie on the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from convert.pods import Mount
from convert.scope import PLACEHOLDER


@dataclass(frozen=True)
class Weights:
    """A directory of weights."""

    source: str
    """On the node."""
    seen: str
    """In the container."""
    because: str = ""
    """Why it was taken, where the script leaves it open."""


@dataclass(frozen=True)
class Paths:
    """The mounts of a container, and the files that it sees of ConfigMaps."""

    mounts: tuple[Mount, ...]
    files: Mapping[str, str]

    def host(self, path: str) -> str:
        """The path on the node; nothing when no mount has it."""
        found = max(
            (one for one in self.mounts if _is_below(path, one.path)), key=lambda one: len(one.path), default=None
        )
        if not found or not found.host_path:
            return ""
        if PurePosixPath(found.path) == PurePosixPath(found.host_path):
            return path
        rest = path[len(found.path.rstrip("/")) :]
        return found.host_path.rstrip("/") + rest if rest.strip("/") else found.host_path

    def on_node(self, path: str) -> str:
        """The path on the node, or the path itself where no mount says."""
        return self.host(path) or path

    def model(self, given: str) -> Weights:
        """The model's weights: what the script names, or the mount that is there for them."""
        if given and not PLACEHOLDER.search(given):
            return Weights(self.on_node(given), given)
        mounts = [one for one in self.mounts if one.host_path and _is_for_weights(one)]
        known = [one for one in mounts if not PLACEHOLDER.search(one.path + one.host_path)]
        if known:
            return Weights(known[0].host_path, known[0].path, "the mount of the weights")
        if given or not mounts:
            return Weights(given, given)
        return Weights(mounts[0].host_path, mounts[0].host_path)


def _is_below(path: str, above: str) -> bool:
    return bool(above) and PurePosixPath(path).is_relative_to(PurePosixPath(above))


def _is_for_weights(mount: Mount) -> bool:
    """Whether a mount is the manual's `model-path`, or named like one."""
    name = mount.volume.at("name").text().lower()
    return any(word in name for word in ("model", "weight", "checkpoint"))
