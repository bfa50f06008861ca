"""The files of an Ascend node that the container needs: driver, add-ons, hccn.conf, time zone and npu-smi."""

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
    """The host paths of a platform (manual, Step 2).

    Each has a type, so a pod fails on a node that lacks the path. Each is mounted read-only.
    """
    mounts = platform.mounts.values()
    return NodeMounts(
        volumes=tuple(
            host_path(mount.name, mount.host_path, mount.type) for mount in mounts
        ),
        volume_mounts=tuple(
            read_only(mount.name, mount.mount_path) for mount in mounts
        ),
    )


def host_path(name: str, path: str, kind: str) -> Manifest:
    """A hostPath volume; the kubelet checks its type before the container starts."""
    return {"name": name, "hostPath": {"path": path, "type": kind}}


def read_only(name: str, path: str) -> Manifest:
    """A read-only mount."""
    return {"name": name, "mountPath": path, "readOnly": True}
