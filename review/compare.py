"""Compare two stacks: added, removed and changed services, which pods restart, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from models.engines.release import Release
from models.engines.release_changes import release_changes
from models.finding import Finding
from models.manifests import Manifest, service_objects
from models.rules.resources.capacity import packing, updates_that_would_hang
from models.rules.resources.replaced_workloads import (
    RunningPods,
    replacements_that_would_hang,
)
from models.service.capacity import Packing
from models.service.resolved import ResolvedService, ResolvedStack
from review.additional_objects import additional_object_details
from review.avoidable_downtime import avoidable_downtime
from review.changes import (
    Detail,
    PoolChange,
    ReleaseUpdate,
    ServiceChange,
    StackChange,
    without_credentials,
)
from review.cluster import claim_details, cluster_deletions, cluster_details
from review.comparable import as_deployment, is_replaced
from review.deployment import DeploymentPair, deployment_details, nodes_detail
from review.launch import launch_details
from review.leaves import leaves
from review.service_object import service_object_details, smoke_details
from review.service_pair import ServicePair


def compare(old: ResolvedStack, new: ResolvedStack) -> StackChange:
    """Compare two stacks. The same stacks always give the same result.

    A pod restarts exactly if its template differs. A service with invalid fields on either side is only named.

    Args:
        old: The old state of a stack, or the first of two environments.
        new: The new state of the stack, or the second environment.
    """
    unread = {*old.broken, *new.broken}
    services = tuple(_service_changes(old, new, unread))
    deletions: tuple[str, ...] = ()
    would_hang: tuple[Finding, ...] = ()
    avoidable: tuple[str, ...] = ()
    if old.name == new.name:
        deletions = tuple(cluster_deletions(old.cluster, new.cluster))
        avoidable = avoidable_downtime(new, services)
        would_hang = (
            *updates_that_would_hang(new, _running_npus(old)),
            *replacements_that_would_hang(new, _running_pods(old)),
        )
    replaced: tuple[str, ...] = ()
    if old.name == new.name:
        replaced = tuple(_replaced_workloads(services))
    return StackChange(
        old=old.name,
        new=new.name,
        cluster=tuple(_cluster_details(old, new)),
        services=services,
        pools=pool_changes(old, new),
        npus=(total_npus(old), total_npus(new)),
        deletions=deletions,
        renamed=tuple(_renamed_services(services)),
        unread=tuple(sorted(unread)),
        without_room=tuple(_unplaced_pods(new)),
        replacements=replaced,
        would_hang=would_hang,
        avoidable_downtime=avoidable,
        releases=tuple(_release_updates(services)),
    )


def _replaced_workloads(services: Iterable[ServiceChange]) -> Iterator[str]:
    """The objects that create pods and are replaced by one of another kind."""
    for service in services:
        old = service.old
        new = service.new
        if old is None or new is None or not is_replaced(old, new):
            continue
        yield replacement(new)


def replacement(service: ResolvedService) -> str:
    """That the object that creates the pods of a service is replaced by one of another kind."""
    old_kind, new_kind = "LeaderWorkerSet", "Deployment"
    if service.group:
        old_kind, new_kind = new_kind, old_kind
    return (
        f"the pods of {service.name}: a {new_kind} replaces the {old_kind}, which is deleted last, "
        f"so both need their NPUs at the same time"
    )


def _release_updates(services: Iterable[ServiceChange]) -> Iterator[ReleaseUpdate]:
    """The changes of engine releases, each with all services that it happens to."""
    names: dict[tuple[Release, Release], list[str]] = {}
    for service in services:
        if service.old is None or service.new is None:
            continue
        pair = (service.old.release, service.new.release)
        if service.old.release is not service.new.release:
            names.setdefault(pair, []).append(service.name)
    for (old, new), service_names in names.items():
        yield ReleaseUpdate(tuple(service_names), release_changes(old, new))


def _cluster_details(old: ResolvedStack, new: ResolvedStack) -> Iterator[Detail]:
    for detail in cluster_details(old, new):
        yield without_credentials(detail)
    for detail in claim_details(old, new):
        yield without_credentials(detail)


def _service_changes(
    old: ResolvedStack,
    new: ResolvedStack,
    unread: set[str],
) -> Iterator[ServiceChange]:
    names = {service.name for service in old.services}
    names |= {service.name for service in new.services}
    for name in sorted(names - unread):
        yield _service_change(old, new, name)


def _service_change(
    old_stack: ResolvedStack,
    new_stack: ResolvedStack,
    name: str,
) -> ServiceChange:
    old = old_stack.service(name)
    new = new_stack.service(name)
    if old is None:
        return ServiceChange(name, "added", None, new=new)
    if new is None:
        return ServiceChange(name, "removed", old, new=None)
    # A key with its default value may be a flag that the script did not have.
    if old == new and old.configured == new.configured:
        return ServiceChange(name, "unchanged", old, new=new)
    pair = ServicePair(old_stack, new_stack, old, new=new)
    return _changed_service(pair)


def _changed_service(pair: ServicePair) -> ServiceChange:
    old = _objects(pair.old)
    new = _objects(pair.new)
    details = [
        without_credentials(detail) for detail in _object_details(pair, old, new)
    ]
    details.sort(key=lambda detail: not detail.restarts)
    return ServiceChange(
        name=pair.new.name,
        kind="changed" if details else "unchanged",
        old=pair.old,
        new=pair.new,
        restarts=_pod_template(old) != _pod_template(new),
        details=tuple(details),
    )


@dataclass(frozen=True)
class _ServiceObjects:
    """The objects of a service. Their namespace is left out: a changed namespace is a change of the cluster."""

    launch_map: Manifest
    deployment: Manifest
    """The object that creates the pods, with the paths of a Deployment."""
    service: Manifest
    additional: list[Manifest]


def _objects(service: ResolvedService) -> _ServiceObjects:
    manifests = [_without_namespace(manifest) for manifest in service_objects(service)]
    launch_map, workload, service_object, *additional = manifests
    return _ServiceObjects(
        launch_map, as_deployment(workload), service_object, additional=additional
    )


def _without_namespace(manifest: Manifest) -> Manifest:
    metadata = dict(manifest["metadata"])
    metadata.pop("namespace", None)
    return {**manifest, "metadata": metadata}


def _pod_template(objects: _ServiceObjects) -> Manifest:
    template: Manifest = objects.deployment["spec"]["template"]
    return template


def _object_details(
    pair: ServicePair,
    old: _ServiceObjects,
    new: _ServiceObjects,
) -> Iterator[Detail]:
    if old.launch_map["data"] != new.launch_map["data"]:
        yield from launch_details(pair)
    if is_replaced(pair.old, pair.new):
        yield nodes_detail(pair)
        return
    deployments = DeploymentPair(
        services=pair,
        old=leaves(old.deployment),
        new=leaves(new.deployment),
    )
    yield from deployment_details(deployments)
    yield from smoke_details(pair)
    yield from service_object_details(pair, leaves(old.service), leaves(new.service))
    yield from additional_object_details(pair, old.additional, new.additional)


def _renamed_services(services: Iterable[ServiceChange]) -> Iterator[tuple[str, str]]:
    """Pair each added service with a removed service that has the same weights."""
    removed = [
        service.old for service in services if service.kind == "removed" and service.old
    ]
    added = [
        service.new for service in services if service.kind == "added" and service.new
    ]
    for new in added:
        old = _with_same_weights(removed, new)
        if old:
            removed.remove(old)
            yield old.name, new.name


def _with_same_weights(
    services: Iterable[ResolvedService],
    wanted: ResolvedService,
) -> ResolvedService | None:
    for service in services:
        if service.model.source == wanted.model.source:
            return service
    return None


def pool_changes(old: ResolvedStack, new: ResolvedStack) -> tuple[PoolChange, ...]:
    """The NPUs of every pool before and after."""
    before = packing(old)
    after = packing(new)
    names = dict.fromkeys([*old.cluster.pools, *new.cluster.pools])
    return tuple(_pool_change(name, before, after) for name in names)


def _pool_change(name: str, before: Packing, after: Packing) -> PoolChange:
    return PoolChange(
        name=name,
        used_before=_used_npus(before, name),
        used=_used_npus(after, name),
        total_before=_npus(before, name),
        total=_npus(after, name),
    )


def _used_npus(packed: Packing, pool: str) -> int:
    return sum(node.npus - node.free for node in packed.nodes if node.pool == pool)


def _npus(packed: Packing, pool: str) -> int:
    return sum(node.npus for node in packed.nodes if node.pool == pool)


def _unplaced_pods(stack: ResolvedStack) -> list[tuple[str, int]]:
    """Services, and how many of their pods fit on no node. Without pools, nothing is known about the nodes."""
    if not stack.cluster.pools:
        return []
    pods = Counter(name for name, _ in packing(stack).homeless)
    return sorted(pods.items())


def _running_npus(stack: ResolvedStack) -> dict[str, int]:
    """NPUs of one pod of each service that has pods."""
    return {
        service.name: service.npus for service in stack.services if service.replicas
    }


def _running_pods(stack: ResolvedStack) -> dict[str, RunningPods]:
    """The pods of each service, as far as the stack file sets their number."""
    return {
        service.name: RunningPods(service.pods, service.npus, service.group is not None)
        for service in stack.services
    }


def total_npus(stack: ResolvedStack) -> int:
    """NPUs that all services of a stack request."""
    return sum(service.npus * service.pods for service in stack.services)
