"""The platform of a cluster: that of the catalogue, with the corrections of the stack file and what a release needs."""

from __future__ import annotations

from dataclasses import replace

from models.catalog.platforms import PLATFORMS, NodeMount, Platform
from models.engines.release import Release
from models.service.resolved import Cluster
from models.stack_file.keys.cluster import HostMount, PlatformConfig


def resolve_platform(config: PlatformConfig) -> Platform:
    """A platform of the catalogue with the corrections of the stack file."""
    known = PLATFORMS[config.kind]
    mounts = {
        field: _corrected(mount, getattr(config, field))
        for field, mount in known.mounts.items()
    }
    return replace(
        known,
        resource=config.resource or known.resource,
        node_selector=known.node_selector
        if config.node_selector is None
        else config.node_selector,
        init_file=config.init_file,
        group=known.group if config.group is None else config.group,
        npu_counts=tuple(config.npu_counts or known.npu_counts),
        mounts=mounts,
    )


def cluster_of_service(
    cluster: Cluster, config: PlatformConfig, release: Release
) -> Cluster:
    """The cluster with the paths of the node that the images of a release need.

    A path that the platform has as well keeps its place on the node.
    """
    if not release.node_mounts:
        return cluster
    mounts = dict(cluster.platform.mounts)
    for field, needed in release.node_mounts.items():
        correction: HostMount | None = getattr(config, field)
        mount = needed
        if field in mounts:
            mount = replace(needed, host_path=mounts[field].host_path)
        mounts[field] = _corrected(mount, correction)
    platform = replace(cluster.platform, mounts=mounts)
    return replace(cluster, platform=platform)


def _corrected(mount: NodeMount, config: HostMount | None) -> NodeMount:
    if config is None:
        return mount
    return replace(
        mount,
        host_path=config.host_path,
        mount_path=config.mount_path or mount.mount_path,
    )
