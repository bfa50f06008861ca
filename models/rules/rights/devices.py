"""The rule on devices that a container gets past `npus`: by resources, by claims, and by variables."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, at, warning
from models.rules.pods.added_parts import (
    Part,
    added_containers,
    added_spec,
    container_keys,
    spec_keys,
)
from models.rules.registry import right_rule
from models.service.resolved import ResolvedService
from models.stack_file.keys.environment import PodField
from models.words import listed

_DEVICE_VARIABLES = (
    "ASCEND_VNPU_SPECS",
    "ASCEND_RUNTIME_MOUNTS",
    "ASCEND_ALLOW_LINK",
    "NVIDIA_IMEX_CHANNELS",
    "NVIDIA_MIG_CONFIG_DEVICES",
    "NVIDIA_MIG_MONITOR_DEVICES",
)
"""Variables by which Ascend Docker Runtime and the NVIDIA Container Toolkit add devices and files of the node."""

_DEVICE_SUFFIX = "_VISIBLE_DEVICES"
"""End of such variables of container runtimes: Ascend, NVIDIA, AMD, Habana, Moore Threads and others."""

_CHOICE_VARIABLES = (
    "ASCEND_RT_VISIBLE_DEVICES",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
)
"""Variables that only libraries read. They choose among the devices that the container has."""

_NO_DEVICES = ("", "none", "void")

_ALLOCATION = "metadata.annotations['huawei.com/"
"""Beginning of the annotations in which the Ascend device plugin writes the NPUs that it allocated (MindCluster)."""


@right_rule("env", *spec_keys("resourceClaims"), *container_keys("resources", "env"))
def device_access(service: ResolvedService) -> Iterator[Finding]:
    """Pods get no devices other than their NPUs.

    Resources of device plugins and resource claims put devices of the node into a container, such as `/dev/fuse`, and
    `npus` and `cluster.pools` do not count them (Kubernetes, Device Plugins; Dynamic Resource Allocation). With Ascend
    Docker Runtime, the variable `ASCEND_VISIBLE_DEVICES` alone adds any NPU of the node to a container, also under
    `env`. A value from the annotation in which the device plugin writes the allocated NPUs is allowed.
    """
    yield from _visible_devices_of_the_server(service)
    spec = added_spec(service)
    claims = [claim.name for claim in spec.parts("resourceClaims")]
    if claims:
        yield warning(
            f"the resource claims {listed(claims)} add devices to the pods",
            why="the driver of the claim decides which devices of the node they are (Dynamic Resource Allocation)",
            fix="remove podTemplate.spec.resourceClaims",
            marks=[spec.mark("resourceClaims")],
        )
    npu = service.cluster.platform.resource
    for container in added_containers(service):
        yield from _visible_devices(container)
        resources = container.part("resources")
        devices = [name for name in _device_resources(resources) if name != npu]
        if devices:
            yield warning(
                f"the container {container.name} requests {listed(devices)}",
                why="a device plugin adds devices of the node to the container (Kubernetes, Device Plugins)",
                fix=f"remove {'.'.join(container.path)}.resources",
                marks=[container.mark("resources")],
            )


def _adds_devices(name: str) -> bool:
    """Whether a container runtime reads a variable and adds devices by it."""
    if name in _DEVICE_VARIABLES:
        return True
    return name.endswith(_DEVICE_SUFFIX) and name not in _CHOICE_VARIABLES


def _visible_devices_of_the_server(service: ResolvedService) -> Iterator[Finding]:
    """The variables under `env` by which a container runtime adds devices without the device plugin."""
    for name, value in service.configured_env.items():
        if not _adds_devices(name) or value in _NO_DEVICES:
            continue
        if isinstance(value, PodField) and value.field.startswith(_ALLOCATION):
            continue
        yield warning(
            f"env.{name} adds devices or files of the node to the server",
            why="the container runtime adds them without the device plugin, even if other pods use them",
            fix=f"remove env.{name}",
            marks=[at("env", key=name)],
        )


def _visible_devices(container: Part) -> Iterator[Finding]:
    """The variables by which a container runtime adds devices without the device plugin."""
    for variable in container.parts("env"):
        if not _adds_devices(variable.name):
            continue
        value = variable.text("value")
        key = "value"
        if variable.part("valueFrom").fields:
            value = "a value from elsewhere"
            key = "valueFrom"
        if value in _NO_DEVICES:
            continue
        yield warning(
            f"the container {container.name} sets {variable.name}: {value}",
            why="the container runtime adds these devices without the device plugin, even if other pods use them",
            fix=f"remove {'.'.join(variable.path)}",
            marks=[variable.mark(key)],
        )


def _device_resources(resources: Part) -> list[str]:
    """The extended resources that a container requests: names with a domain that is not Kubernetes' own."""
    names: dict[str, None] = {}
    for part in ("requests", "limits"):
        for name in resources.part(part).fields:
            domain, slash, _ = name.partition("/")
            if slash and not domain.endswith("kubernetes.io"):
                names[name] = None
    for claim in resources.parts("claims"):
        names[f"the claim {claim.name}"] = None
    return list(names)
