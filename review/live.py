"""Compare a stack with what runs in its cluster. The result has the form of a comparison of two stacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.launch.launch import SCRIPT
from models.manifests import Manifest, stack_objects
from models.manifests.pod import CONTAINER
from models.manifests.workload import serving_template
from models.service.resolved import ResolvedService, ResolvedStack
from review.changes import (
    NOT_IN_CLUSTER,
    Detail,
    ServiceChange,
    StackChange,
    without_credentials,
)
from review.cluster import cluster_source
from review.comparable import WORKLOADS, deployment_path, is_of_workers, workload_of
from review.compare import pool_changes, replacement, total_npus
from review.deployment import nodes_detail
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
from review.fields import FieldDrift
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
        replacements=tuple(_replacements(comparison)),
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
        workload = _running_workload(service, live_objects)
        if workload is None:
            services.append(service)
            continue
        running = _running_service(service, workload)
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


def _running_workload(
    service: ResolvedService, live_objects: Mapping[Key, Object]
) -> Object | None:
    """The object that creates the pods of a service now; while one replaces the other, the wanted one."""
    wanted = live_objects.get((_wanted_kind(service), service.workload))
    return wanted or workload_of(service.name, live_objects)


def _wanted_kind(service: ResolvedService) -> str:
    return "LeaderWorkerSet" if service.group else "Deployment"


def _running_service(service: ResolvedService, workload: Object) -> ResolvedService:
    """A service with the image, NPUs, nodes and replicas of its workload."""
    spec = workload["spec"]
    group = spec.get("leaderWorkerTemplate") or {}
    containers = serving_template(workload)["spec"].get("containers") or []
    container = _server_container(containers)
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    npus = str(limits.get(service.cluster.platform.resource) or 0)
    return replace(
        service,
        image=str(container.get("image") or ""),
        replicas=int(spec.get("replicas", 1)),
        nodes=int(group.get("size") or 1),
        npus=int(npus) if npus.isdecimal() else service.npus,
    )


def _server_container(containers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    for container in containers:
        if container.get("name") == CONTAINER:
            return container
    return {}


def _removed_services(comparison: _Comparison) -> list[str]:
    """Services whose pods run in the cluster and that the stack does not contain."""
    removed = set()
    for drift in comparison.drift:
        is_workload = drift.kind in WORKLOADS and drift.state == "extra"
        if is_workload and not comparison.stack.service(drift.service):
            removed.add(drift.service)
    return sorted(removed)


def _deletions(comparison: _Comparison, removed: Sequence[str]) -> Iterator[str]:
    """Deleted objects that belong to no removed service."""
    for drift in comparison.drift:
        if drift.state == "extra" and drift.service not in removed:
            yield f"{drift.kind} {drift.name}"


def _replacements(comparison: _Comparison) -> Iterator[str]:
    """The workloads that one of another kind replaces."""
    for service in comparison.stack.services:
        if _is_replaced(comparison, service):
            yield replacement(service)


def _is_replaced(comparison: _Comparison, service: ResolvedService) -> bool:
    running = _running_workload(service, comparison.live_objects)
    return running is not None and running["kind"] != _wanted_kind(service)


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
    if _is_replaced(comparison, pair.new):
        yield nodes_detail(pair)
        return
    for drift in comparison.drift:
        if drift.service != pair.new.name or drift.state == "extra":
            continue
        if drift.kind == "ConfigMap":
            files = _launch_files(comparison, drift.service)
            yield from _launch_details(pair, drift, files)
        else:
            yield from _object_details(pair, drift)


def _launch_files(comparison: _Comparison, service: str) -> Mapping[str, str] | None:
    """The files of the launch ConfigMap that the pods use. None: it does not exist."""
    workload = workload_of(service, comparison.live_objects)
    if workload is None:
        return None
    launch_map = comparison.live_objects.get(("ConfigMap", launch_map_of(workload)))
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
    of_leaders = _changes_of_leaders(drift)
    for field in drift.fields:
        path = deployment_path(field.path)
        if not is_restored(field) or _LAUNCH_MAP.fullmatch(path):
            continue
        if _PREFLIGHT.fullmatch(path) and pair.old.image != pair.new.image:
            continue  # it follows from the image
        if is_of_workers(field.path) and _change(field) in of_leaders:
            continue  # it follows from the same key of the stack file
        detail = field_detail(pair.new_stack, drift.service, drift.kind, field=field)
        name = _RESOURCES.sub("", detail.name)
        if name == pair.new.cluster.platform.resource:
            name = "npus"
        yield replace(detail, name=name)


def _changes_of_leaders(drift: ObjectDrift) -> list[tuple[str, Any, Any]]:
    """The changes of a workload without those of its workers."""
    return [_change(field) for field in drift.fields if not is_of_workers(field.path)]


def _change(field: FieldDrift) -> tuple[str, Any, Any]:
    return deployment_path(field.path), field.live, field.wanted


def _missing_object_detail(drift: ObjectDrift) -> Detail:
    return Detail(
        part=drift.kind,
        name=f"{drift.kind} {drift.name}",
        old=None,
        new="",
        because=NOT_IN_CLUSTER,
        restarts=False,
    )
