"""Paths of the node in the container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from models.finding import Finding, at, error
from models.launch import LAUNCH_DIRECTORY
from models.resolve import ResolvedService
from models.rules import rule

_HOME = PurePosixPath("/home/ma-user")


@rule
def model_source_path(service: ResolvedService) -> Iterator[Finding]:
    """The weights are mounted where they hide nothing else.

    The container sees the weights under the node's path. The root, a path of the driver's or the launch script's, and
    `/home/ma-user`, where the image keeps its Python, cannot be covered: the container would not start (ModelArts,
    Lite Cluster: do not mount onto /home/ma-user).
    """
    source = PurePosixPath(service.model.source)
    taken = [PurePosixPath(mount.mount_path) for mount in service.cluster.platform.mounts.values()]
    taken += [PurePosixPath(LAUNCH_DIRECTORY), _HOME]
    hidden = next((path for path in taken if source == path or source in path.parents or path in source.parents), None)
    if hidden is None or (hidden == _HOME and _HOME in source.parents):
        return
    yield error(
        f"model.source {service.model.source} covers {hidden} in the container",
        why="the weights are mounted under the same path as on the node, and something else lies there",
        fix="keep the weights in a directory of their own, such as /mnt/models/NAME",
        marks=[at("model.source")],
    )
