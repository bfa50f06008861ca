"""The writable directory of a container with a read-only root filesystem.

The servers write below three places only: the home directory (`~/.cache/vllm`, `~/.config/vllm`, `~/.triton`,
`~/ascend/log`, `~/atb/log`), the directory for temporary files (sockets of the engine's processes, compiled kernels),
and the working directory (`kernel_meta`, `fusion_result.json`); see vllm-ascend, docs/source/user_guide/configuration/
unified_output_directory.md. All three are `/tmp`.
"""

from __future__ import annotations

from models.manifests.metadata import Manifest
from models.service.resolved import ResolvedService

VOLUME = "ascend-vllm-tmp"
"""Name of the volume. It lives as long as the pod, and is on the disk of the node."""

DIRECTORY = "/tmp"  # noqa: S108  the pod's own volume
"""Where all containers of the pod see it."""


def writable_volumes(service: ResolvedService) -> list[Manifest]:
    """The volume, if the root filesystem is read-only."""
    if not service.read_only_root_filesystem:
        return []
    return [{"name": VOLUME, "emptyDir": {}}]


def writable_mounts(service: ResolvedService) -> list[Manifest]:
    """The mount of the volume."""
    if not service.read_only_root_filesystem:
        return []
    return [{"name": VOLUME, "mountPath": DIRECTORY}]


def writable_environment(service: ResolvedService) -> list[Manifest]:
    """The variable that moves caches and logs to the volume."""
    if not service.read_only_root_filesystem:
        return []
    return [{"name": "HOME", "value": DIRECTORY}]


def working_directory(service: ResolvedService) -> Manifest:
    """The field of a container that moves its working directory to the volume."""
    if not service.read_only_root_filesystem:
        return {}
    return {"workingDir": DIRECTORY}
