"""The component that gives a container what an Ascend node keeps for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from models.catalog.platforms import Platform
from models.engines.devices import device_environment
from models.manifests.node_mounts import node_mounts


@dataclass(frozen=True)
class AscendNodeMountsArgs:
    """A platform and the NPUs of a pod."""

    platform: Platform
    """The platform, with corrected paths if the stack has any."""
    npus: int
    """NPUs of the pod."""
    visible_devices: Sequence[int] | None = None
    """Indices of the NPUs inside the container; 0 to npus - 1 by default."""


class AscendNodeMounts(pulumi.ComponentResource):
    """Mounts of the node's driver, add-ons, hccn.conf, time zone and npu-smi, and the NPUs that a container sees.

    Raises:
        ValueError: The visible devices are not 0 to npus - 1.
    """

    volumes: Sequence[Mapping[str, Any]]
    """Volumes of the pod: typed host paths."""
    volume_mounts: Sequence[Mapping[str, Any]]
    """Read-only volume mounts of the container."""
    environment: Mapping[str, str]
    """`ASCEND_RT_VISIBLE_DEVICES`."""

    def __init__(
        self,
        name: str,
        args: AscendNodeMountsArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        mounts = node_mounts(args.platform)
        self.volumes = mounts.volumes
        self.volume_mounts = mounts.volume_mounts
        self.environment = device_environment(_devices(args))
        inputs = {
            "platform": args.platform.kind,
            "npus": args.npus,
        }
        super().__init__("ascend-vllm:index:AscendNodeMounts", name, inputs, opts)
        self.register_outputs({})


def _devices(args: AscendNodeMountsArgs) -> list[int]:
    expected = list(range(args.npus))
    if args.visible_devices is None:
        return expected
    devices = list(args.visible_devices)
    if sorted(devices) != expected:
        last = args.npus - 1
        raise ValueError(
            f"visible devices {devices} are not the {args.npus} NPUs of the pod, 0 to {last}"
        )
    return devices
