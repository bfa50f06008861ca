"""The component that puts the launch script of a service into a ConfigMap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.kubernetes_object import KubernetesObject
from models.launch.launch import Launch
from models.manifests.launch_map import (
    launch_command,
    launch_map,
    launch_volume,
    launch_volume_mount,
)


@dataclass(frozen=True)
class VllmLaunchScriptArgs:
    """A launch and the metadata of its ConfigMap."""

    launch: Launch
    """Argument list, environment and further files."""
    metadata: Mapping[str, Any]
    """Metadata of the service's objects: `name`, `namespace` and `labels`."""


class VllmLaunchScript(pulumi.ComponentResource):
    """`run_vllm.sh` and its files in an immutable ConfigMap, whose name contains a hash of their content.

    A changed launch creates a new ConfigMap. The old one is deleted after everything that refers to the new one.
    """

    config_map: KubernetesObject
    """The ConfigMap, to depend on."""
    volume: Mapping[str, Any]
    """The pod's volume with the files, executable and read-only."""
    volume_mount: Mapping[str, Any]
    """Volume mount of the container."""
    command: Mapping[str, Sequence[str]]
    """`command` and `args` of the container."""

    def __init__(
        self,
        name: str,
        args: VllmLaunchScriptArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        manifest = launch_map(args.launch, dict(args.metadata))
        config_map_name = manifest["metadata"]["name"]
        inputs = {"argv": list(args.launch.argv)}
        super().__init__("ascend-vllm:index:VllmLaunchScript", name, inputs, opts)
        self.config_map = KubernetesObject(
            f"{name}-config-map", manifest, pulumi.ResourceOptions(parent=self)
        )
        self.volume = launch_volume(config_map_name)
        self.volume_mount = launch_volume_mount()
        self.command = launch_command()
        self.register_outputs({"configMap": config_map_name})
