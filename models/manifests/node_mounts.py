"""What an Ascend node keeps for the container: driver, add-ons, hccn.conf, time zone and npu-smi."""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog.platforms import Platform
from models.manifests.metadata import Manifest


@dataclass(frozen=True)
class NodeMounts:
    """Volumes of the pod and where the container sees them."""

    volumes: tuple[Manifest, ...]
    volume_mounts: tuple[Manifest, ...]


def node_mounts(platform: Platform) -> NodeMounts:
    """The host paths of a platform (manual, Step 2): each typed, so that a missing one fails the pod, and read-only."""
    return NodeMounts(
        volumes=tuple(host_path(mount.name, mount.host_path, mount.type) for mount in platform.mounts.values()),
        volume_mounts=tuple(read_only(mount.name, mount.mount_path) for mount in platform.mounts.values()),
    )


def host_path(name: str, path: str, kind: str) -> Manifest:
    """A volume of the node that the kubelet checks for its type before the container starts."""
    return {"name": name, "hostPath": {"path": path, "type": kind}}


def read_only(name: str, path: str) -> Manifest:
    """A mount that nothing in the container can write to."""
    return {"name": name, "mountPath": path, "readOnly": True}
