"""The parts of a pod that the program writes, and that the files do not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from convert.difference import Difference
from convert.keys.pod import SHM
from convert.pods import Pod
from models.manifests import service_objects
from models.manifests.workload import serving_template
from models.record import quantity_text
from models.service.resolved import ResolvedService
from models.words import duration

_SECURITY_WORDS = {
    "allowPrivilegeEscalation": "no more privileges",
    "capabilities": "no capability but DAC_OVERRIDE",
    "runAsNonRoot": "not root",
}
"""Parts of a container's security context that are no plain number."""
_SECURITY = "the rights to serve a model, see docs/security.md"


def added_to_pod(pod: Pod, service: ResolvedService) -> Iterator[Difference]:
    """The additions to a pod.

    Args:
        pod: The pod of the files.
        service: The service of the stack file.
    """
    template = _template(service)
    yield from _scheduling(pod, service)
    yield from _resources(pod, service)
    yield from _node_files(pod, service, template)
    yield from _rights(pod, template)
    yield from _operation(pod, service)
    if service.preflight:
        why = "it compares the node and the weights before the server starts; write preflight: false for none"
        yield _added("preflight", "an init container", why)
    address = f"{service.name}:{service.server.port}"
    yield _added("Service", address, "in front of the pods")


def _template(service: ResolvedService) -> dict[str, Any]:
    """The template of the pods that the program writes."""
    objects = {item["kind"]: item for item in service_objects(service)}
    kind = "LeaderWorkerSet" if service.group else "Deployment"
    return serving_template(objects[kind])


def _added(
    name: str,
    new: str,
    why: str,
) -> Difference:
    return Difference(
        name=name,
        old=None,
        new=new,
        why=why,
    )


def _scheduling(pod: Pod, service: ResolvedService) -> Iterator[Difference]:
    platform = service.cluster.platform
    old_labels = pod.spec.at("nodeSelector").mapping()
    labels = [
        f"{name}: {value}"
        for name, value in platform.node_selector.items()
        if old_labels.get(name) != value
    ]
    if labels:
        why = f"platform {platform.kind}; write cluster.platform.nodeSelector: {{}} for none"
        yield _added("nodeSelector", ", ".join(labels), why)


def _resources(pod: Pod, service: ResolvedService) -> Iterator[Difference]:
    origins = service.origins
    if pod.npu and pod.limits.at(pod.npu).value is None:
        yield _added("limit", f"{service.npus} {pod.npu}", "the same as the request")
    elif not pod.npu:
        resource = service.cluster.platform.resource
        yield _added("NPUs", f"{service.npus} {resource}", origins["npus"].source)
    if pod.requests.at("cpu").value is None:
        amount = f"{service.resources.cpu}, request"
        yield _added("cpu", amount, origins["resources.cpu"].source)
    if pod.limits.at("memory").value is None:
        memory = quantity_text(service.resources.memory)
        why = origins["resources.memory"].source
        yield _added("memory", f"{memory}, request and limit", why)
    mounted = {mount.path.rstrip("/") for mount in pod.mounts}
    if SHM not in mounted:
        shm = quantity_text(service.resources.shm)
        yield _added(SHM, shm, origins["resources.shm"].source)


def _node_files(
    pod: Pod,
    service: ResolvedService,
    template: dict[str, Any],
) -> Iterator[Difference]:
    """The files of the node that the pod did not mount, on one line."""
    spec = template["spec"]
    of_node = {volume["name"] for volume in spec["volumes"] if "hostPath" in volume}
    mounted = {PurePosixPath(mount.path) for mount in pod.mounts}
    weights = PurePosixPath(service.model.path)
    paths = []
    for mount in spec["containers"][0]["volumeMounts"]:
        path = PurePosixPath(mount["mountPath"])
        is_new = path not in mounted and path != weights
        if mount["name"] in of_node and is_new and _is_of_platform(mount["name"]):
            paths.append(str(path))
    if paths:
        why = f"platform {service.cluster.platform.kind} mounts them; the pod fails on a node without one"
        yield _added("node files", ", ".join(paths), why)


def _is_of_platform(volume: str) -> bool:
    """Whether a volume is one of the driver's, and not one with weights or compiled graphs."""
    return not volume.startswith(("model-", "draft-", "lora-", "graph-"))


def _rights(pod: Pod, template: dict[str, Any]) -> Iterator[Difference]:
    """Settings of security that the pod did not have."""
    spec = template["spec"]
    of_container = spec["containers"][0]["securityContext"]
    old_context = pod.container.at("securityContext").mapping()
    parts = []
    for key, value in of_container.items():
        if old_context.get(key) != value:
            parts.append(_SECURITY_WORDS.get(key, f"{key} {value}"))
    old_groups = pod.spec.at("securityContext", "supplementalGroups").value
    groups = spec["securityContext"]["supplementalGroups"]
    if old_groups != groups:
        parts.append(f"group {groups[0]}")
    seccomp = spec["securityContext"]["seccompProfile"]
    if pod.spec.at("securityContext", "seccompProfile").value != seccomp:
        parts.append(f"seccomp {seccomp['type']}")
    if pod.spec.at("automountServiceAccountToken").value is not False:
        parts.append("no service account token")
    if pod.spec.at("enableServiceLinks").value is not False:
        parts.append("no variables of Services")
    if parts:
        yield _added("security", ", ".join(parts), _SECURITY)


def _operation(pod: Pod, service: ResolvedService) -> Iterator[Difference]:
    origins = service.origins
    if pod.container.at("startupProbe").value is None:
        startup = duration(service.startup)
        yield _added("probes", f"started within {startup}", origins["startup"].source)
    strategies = ("strategy", "rolloutStrategy")
    if all(pod.owner.at("spec", key).value is None for key in strategies):
        why = origins["rollout.kind"].source
        yield _added("rollout", str(service.rollout.kind), why)
    if pod.container.at("lifecycle").value is None:
        drain = duration(service.drain)
        why = origins["drain"].source
        yield _added("drain", f"{drain} for running requests", why)
