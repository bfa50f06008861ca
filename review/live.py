"""Compare a stack with what runs in its cluster. The result has the form of a comparison of two stacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.launch.launch import SCRIPT
from models.manifests import Manifest, stack_objects
from models.manifests.pod import CONTAINER
from models.service.resolved import ResolvedService, ResolvedStack
from review.changes import (
    NOT_IN_CLUSTER,
    Detail,
    ServiceChange,
    StackChange,
    without_credentials,
)
from review.cluster import cluster_source
from review.compare import pool_changes, total_npus
from review.drift import (
    Key,
    Live,
    Object,
    ObjectDrift,
    drifted,
    is_restored,
    launch_map_of,
)
from review.field_details import field_detail
from review.launch import launch_details
from review.live_launch import live_launch
from review.service_pair import ServicePair

_LAUNCH_MAP = re.compile(r"spec\.template\.spec\.volumes\[node-path\]\.configMap\.name")
_PREFLIGHT = re.compile(
    r"spec\.template\.spec\.initContainers\[preflight(-weights)?\]\.(image|args).*"
)
_RESOURCES = re.compile(r"resources\.(?:requests|limits)\.")


@dataclass(frozen=True)
class _Comparison:
    """A stack, what runs of it, and the differences between their objects."""

    stack: ResolvedStack
    running: ResolvedStack
    drift: Sequence[ObjectDrift]
    live_objects: Mapping[Key, Object]


def compare_live(
    stack: ResolvedStack,
    live: Live,
    wanted: Sequence[Manifest] | None = None,
) -> tuple[StackChange, ResolvedStack]:
    """Compare a stack with what runs: what does `pulumi up` change?

    Flags and variables come from the launch ConfigMap that the Deployment uses, everything else from the objects.

    Args:
        stack: The stack.
        live: The objects of its cluster.
        wanted: The objects of the stack to compare. Default: all. The caller leaves out objects that it may not read.

    Returns:
        The changes, and the stack with the images, NPUs and replicas that run.
    """
    if wanted is None:
        wanted = list(stack_objects(stack))
    comparison = _comparison(stack, live, wanted)
    stack = comparison.stack
    running = comparison.running
    removed = _removed_services(comparison)
    services = [*_service_changes(comparison, removed)]
    services.sort(key=lambda service: service.name)
    change = StackChange(
        old=stack.name,
        new=stack.name,
        cluster=tuple(
            without_credentials(detail) for detail in _cluster_details(comparison)
        ),
        services=tuple(services),
        pools=pool_changes(running, stack),
        npus=(total_npus(running), total_npus(stack)),
        deletions=tuple(_deletions(comparison, removed)),
        unread=tuple(sorted(stack.broken)),
    )
    return change, running


def _comparison(
    stack: ResolvedStack,
    live: Live,
    wanted: Sequence[Manifest],
) -> _Comparison:
    live_objects: dict[Key, Object] = {}
    for item in live.objects:
        live_objects[item["kind"], item["metadata"]["name"]] = item
    services: list[ResolvedService] = []
    running_services: list[ResolvedService] = []
    for service in stack.services:
        deployment = live_objects.get(("Deployment", service.name))
        if deployment is None:
            services.append(service)
            continue
        running = _running_service(service, deployment)
        running_services.append(running)
        if service.external:
            # An update leaves the replicas that an autoscaler set.
            service = replace(service, replicas=running.replicas)  # noqa: PLW2901
        services.append(service)
    return _Comparison(
        stack=replace(stack, services=tuple(services)),
        running=replace(stack, services=tuple(running_services), broken=()),
        drift=drifted(wanted, live).objects,
        live_objects=live_objects,
    )


def _running_service(service: ResolvedService, deployment: Object) -> ResolvedService:
    """A service with the image, NPUs and replicas of its Deployment."""
    spec = deployment["spec"]
    containers = spec["template"]["spec"].get("containers") or []
    container = _server_container(containers)
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    npus = str(limits.get(service.cluster.platform.resource) or 0)
    return replace(
        service,
        image=str(container.get("image") or ""),
        replicas=int(spec.get("replicas", 1)),
        npus=int(npus) if npus.isdecimal() else service.npus,
    )


def _server_container(containers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    for container in containers:
        if container.get("name") == CONTAINER:
            return container
    return {}


def _removed_services(comparison: _Comparison) -> list[str]:
    """Services with a Deployment in the cluster that the stack does not contain."""
    deployments = [drift for drift in comparison.drift if drift.kind == "Deployment"]
    return sorted({drift.service for drift in deployments if drift.state == "extra"})


def _deletions(comparison: _Comparison, removed: Sequence[str]) -> Iterator[str]:
    """Deleted objects that belong to no removed service."""
    for drift in comparison.drift:
        if drift.state == "extra" and drift.service not in removed:
            yield f"{drift.kind} {drift.name}"


def _cluster_details(comparison: _Comparison) -> Iterator[Detail]:
    """Differences of the namespace, of queues and of claims."""
    stack = comparison.stack
    for drift in comparison.drift:
        if drift.service:
            continue
        if drift.state != "changed":
            yield _missing_object_detail(drift)
        for field in drift.fields:
            if not is_restored(field):
                continue
            detail = field_detail(stack, "", drift.kind, field=field)
            because = detail.because
            if drift.kind == "Queue":
                because = cluster_source(stack, f"queues.{drift.name}")
            name = f"{drift.kind} {drift.name} {detail.name}"
            yield replace(detail, name=name, because=because)


def _service_changes(
    comparison: _Comparison, removed: Sequence[str]
) -> Iterator[ServiceChange]:
    for service in comparison.stack.services:
        yield _service_change(comparison, service)
    for name in removed:
        if name not in comparison.stack.broken:
            yield ServiceChange(name, "removed", old=None, new=None)


def _service_change(comparison: _Comparison, service: ResolvedService) -> ServiceChange:
    running = comparison.running.service(service.name)
    if running is None:
        return ServiceChange(service.name, "added", old=None, new=service)
    pair = ServicePair(
        old_stack=comparison.running,
        new_stack=comparison.stack,
        old=running,
        new=service,
    )
    masked = [
        without_credentials(detail) for detail in _service_details(comparison, pair)
    ]
    details = list(dict.fromkeys(masked))
    details.sort(key=lambda detail: not detail.restarts)
    return ServiceChange(
        name=service.name,
        kind="changed" if details else "unchanged",
        old=running,
        new=service,
        restarts=any(detail.restarts for detail in details),
        details=tuple(details),
    )


def _service_details(comparison: _Comparison, pair: ServicePair) -> Iterator[Detail]:
    for drift in comparison.drift:
        if drift.service != pair.new.name or drift.state == "extra":
            continue
        if drift.kind == "ConfigMap":
            files = _launch_files(comparison, drift.service)
            yield from _launch_details(pair, drift, files)
        else:
            yield from _object_details(pair, drift)


def _launch_files(comparison: _Comparison, service: str) -> Mapping[str, str] | None:
    """The files of the launch ConfigMap that the Deployment uses. None: it does not exist."""
    deployment = comparison.live_objects["Deployment", service]
    launch_map = comparison.live_objects.get(("ConfigMap", launch_map_of(deployment)))
    if launch_map is None:
        return None
    files: Mapping[str, str] | None = launch_map.get("data")
    return files


def _launch_details(
    pair: ServicePair,
    drift: ObjectDrift,
    files: Mapping[str, str] | None,
) -> Iterator[Detail]:
    """Changed flags, variables and files. If the script cannot be parsed, the detail names the file only."""
    if files is None:
        yield Detail(
            part="launch",
            name="launch map",
            old=None,
            new="",
            because=NOT_IN_CLUSTER,
            restarts=False,
        )
        return
    start = live_launch(files)
    details: list[Detail] = []
    if start:
        details = list(launch_details(pair, start))
    if not details:
        details = [_script_detail()]
    restarts = bool(drift.instead_of)
    for detail in details:
        yield replace(detail, restarts=restarts)


def _script_detail() -> Detail:
    return Detail(
        part="launch",
        name=f"file {SCRIPT}",
        old="",
        new="",
        because="ascend-vllm drift shows the changed lines",
        restarts=True,
    )


def _object_details(pair: ServicePair, drift: ObjectDrift) -> Iterator[Detail]:
    if drift.state != "changed":
        yield _missing_object_detail(drift)
    for field in drift.fields:
        if not is_restored(field) or _LAUNCH_MAP.fullmatch(field.path):
            continue
        if _PREFLIGHT.fullmatch(field.path) and pair.old.image != pair.new.image:
            continue  # it follows from the image
        detail = field_detail(pair.new_stack, drift.service, drift.kind, field=field)
        name = _RESOURCES.sub("", detail.name)
        if name == pair.new.cluster.platform.resource:
            name = "npus"
        yield replace(detail, name=name)


def _missing_object_detail(drift: ObjectDrift) -> Detail:
    return Detail(
        part=drift.kind,
        name=f"{drift.kind} {drift.name}",
        old=None,
        new="",
        because=NOT_IN_CLUSTER,
        restarts=False,
    )
