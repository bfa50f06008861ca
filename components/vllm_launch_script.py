"""The component with the launch script of a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from models.launch.launch import Launch
from models.manifests.launch_map import launch_command, launch_map, launch_volume, launch_volume_mount


@dataclass(frozen=True)
class VllmLaunchScriptArgs:
    """What the script is made of."""

    launch: Launch
    """Argument list, environment and further files."""
    metadata: Mapping[str, Any]
    """Metadata of the service's objects: `name`, `namespace` and `labels`."""


class VllmLaunchScript(pulumi.ComponentResource):
    """`run_vllm.sh` and the files beside it in a ConfigMap whose name is made of their content.

    A changed launch makes a new map; the old one is deleted after everything that refers to the new one.
    """

    config_map: ConfigMap
    """The ConfigMap, to depend on."""
    volume: Mapping[str, Any]
    """The pod's volume with the files, executable and read-only."""
    volume_mount: Mapping[str, Any]
    """Where the container sees them."""
    command: Mapping[str, Sequence[str]]
    """`command` and `args` of the container."""

    def __init__(self, name: str, args: VllmLaunchScriptArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        manifest = launch_map(args.launch, dict(args.metadata))
        super().__init__("ascend-vllm:index:VllmLaunchScript", name, {"argv": list(args.launch.argv)}, opts)
        self.config_map = ConfigMap(
            f"{name}-config-map",
            metadata=manifest["metadata"],
            immutable=manifest["immutable"],
            data=manifest["data"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.volume = launch_volume(manifest["metadata"]["name"])
        self.volume_mount = launch_volume_mount()
        self.command = launch_command()
        self.register_outputs({"configMap": manifest["metadata"]["name"]})
