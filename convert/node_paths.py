"""Translates paths in the container into paths on the node, and into directories of claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from convert.mounts import Mount
from convert.placeholder import PLACEHOLDER

_WORDS_FOR_WEIGHTS = ("model", "weight", "checkpoint")


@dataclass(frozen=True)
class Weights:
    """The directory of a model."""

    node_path: str
    container_path: str
    reason: str = ""
    """Why this directory was chosen; empty if the script names it."""
    claim: str = ""
    """The PersistentVolumeClaim that contains it; empty for a directory of the node."""
    directory: str = ""
    """The directory in the claim; empty for its root."""

    @property
    def name(self) -> str:
        """The name of the directory, which is that of the model."""
        return PurePosixPath(self.node_path or self.container_path).name


@dataclass(frozen=True)
class NodePaths:
    """The mounts of a container, and the files that it mounts from ConfigMaps."""

    mounts: tuple[Mount, ...]
    files: Mapping[str, str]

    def find(self, path: str) -> str:
        """The path on the node; empty if no mount contains the path."""
        mount = self.mount(path)
        if not mount or not mount.host_path:
            return ""
        if PurePosixPath(mount.path) == PurePosixPath(mount.host_path):
            return path
        prefix = mount.path.rstrip("/")
        rest = path[len(prefix) :]
        if not rest.strip("/"):
            return mount.host_path
        return mount.host_path.rstrip("/") + rest

    def on_node(self, path: str) -> str:
        """The path on the node; the path itself if no mount contains it."""
        return self.find(path) or path

    def volume_without_key(self, path: str) -> Mount | None:
        """The mount that contains a path, if it is neither a directory of the node nor a claim."""
        mount = self.mount(path)
        if mount is None or mount.host_path or mount.claim:
            return None
        return mount

    def model(self, path: str) -> Weights:
        """The weights of the model: those that the script names, or those of the mount that is named like weights.

        Args:
            path: The model of the script; it may be empty or a placeholder.
        """
        if path and not PLACEHOLDER.search(path):
            mount = self.mount(path)
            if mount and mount.claim:
                return _in_claim(mount, path)
            return Weights(self.on_node(path), path)
        mounts = [mount for mount in self.mounts if _is_for_weights(mount)]
        reason = "the mount of the weights"
        for mount in mounts:
            if PLACEHOLDER.search(mount.path + mount.host_path):
                continue
            if mount.claim:
                return replace(_in_claim(mount, mount.path), reason=reason)
            return Weights(mount.host_path, mount.path, reason)
        if path or not mounts:
            return Weights(path, path)
        placeholder = mounts[0].host_path
        return Weights(placeholder, placeholder)

    def mount(self, path: str) -> Mount | None:
        """The innermost mount that contains a path."""
        mounts = [mount for mount in self.mounts if _is_below(path, mount.path)]
        return max(mounts, key=lambda mount: len(mount.path), default=None)


def _in_claim(mount: Mount, path: str) -> Weights:
    """The weights below the mount of a claim."""
    below = PurePosixPath(path).relative_to(PurePosixPath(mount.path))
    directory = str(PurePosixPath(mount.sub_path, below))
    if directory == ".":
        directory = ""
    return Weights("", path, claim=mount.claim, directory=directory)


def _is_below(path: str, directory: str) -> bool:
    return bool(directory) and PurePosixPath(path).is_relative_to(
        PurePosixPath(directory)
    )


def _is_for_weights(mount: Mount) -> bool:
    """Whether a mount of the node or of a claim is the manual's `model-path`, or has a similar name."""
    if not mount.host_path and not mount.claim:
        return False
    name = mount.volume_name.lower()
    return any(word in name for word in _WORDS_FOR_WEIGHTS)
