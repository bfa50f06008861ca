"""The component with what an Ascend node keeps for a container."""

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
    """What the mounts follow from."""

    platform: Platform
    """The platform, with the paths that the stack corrects."""
    npus: int
    """NPUs of the pod."""
    visible_devices: Sequence[int] | None = None
    """Indices of the NPUs inside the container; 0 to npus - 1 when left out."""


class AscendNodeMounts(pulumi.ComponentResource):
    """Driver, add-ons, hccn.conf, time zone and npu-smi of the node, and which NPUs the container sees.

    Raises:
        ValueError: The visible devices are not 0 to npus - 1.
    """

    volumes: Sequence[Mapping[str, Any]]
    """Volumes of the pod: typed host paths."""
    volume_mounts: Sequence[Mapping[str, Any]]
    """Where the container sees them, read-only."""
    environment: Mapping[str, str]
    """`ASCEND_RT_VISIBLE_DEVICES`."""

    def __init__(self, name: str, args: AscendNodeMountsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        mounts = node_mounts(args.platform)
        self.volumes, self.volume_mounts = mounts.volumes, mounts.volume_mounts
        devices = list(range(args.npus) if args.visible_devices is None else args.visible_devices)
        if sorted(devices) != list(range(args.npus)):
            raise ValueError(f"visible devices {devices} are not the {args.npus} NPUs of the pod, 0 to {args.npus - 1}")
        self.environment = device_environment(devices)
        inputs = {"platform": args.platform.kind, "npus": args.npus}
        super().__init__("ascend-vllm:index:AscendNodeMounts", name, inputs, opts)
        self.register_outputs({})
