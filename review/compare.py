"""The comparison of two stacks: what is added, removed and changed, what restarts, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from models.manifests import Manifest, service_objects
from models.rules.capacity import packing, updates_that_would_hang
from models.service.capacity import Packing
from models.service.resolved import ResolvedStack
from review.additional_objects import beside_details
from review.cluster import claim_details, cluster_deletions, cluster_details
from review.launch import Pair, launch_details
from review.leaves import leaves
from review.objects import Deployments, deployment_details, service_object_details, smoke_details
from review.record import Detail, PoolChange, ServiceChange, StackChange, without_credentials


def compare(old: ResolvedStack, new: ResolvedStack) -> StackChange:
    """What differs between two stacks; pure, and the same for the same stacks.

    Every pod restarts whose template differs, and no other. Services whose shape is refused on either side are named
    and nothing is said of them.

    Args:
        old: The stack before, or the first of two environments.
        new: The stack after, or the second.
    """
    unread = {*old.broken, *new.broken}
    names = sorted({service.name for stack in (old, new) for service in stack.services} - unread)
    services = tuple(_service_change(old, new, name) for name in names)
    before, after = packing(old), packing(new)
    homeless = Counter(name for name, _ in after.homeless) if new.cluster.pools else Counter[str]()
    return StackChange(
        old=old.name,
        new=new.name,
        cluster=tuple(map(without_credentials, (*cluster_details(old, new), *claim_details(old, new)))),
        services=services,
        pools=tuple(_pools(old, new, before, after)),
        npus=(total_npus(old), total_npus(new)),
        deletions=tuple(cluster_deletions(old.cluster, new.cluster)) if old.name == new.name else (),
        renamed=tuple(_renamed(services)),
        unread=tuple(sorted(unread)),
        without_room=tuple(sorted(homeless.items())),
        would_hang=tuple(updates_that_would_hang(new, _running(old))) if old.name == new.name else (),
    )


def _service_change(old: ResolvedStack, new: ResolvedStack, name: str) -> ServiceChange:
    before, after = old.service(name), new.service(name)
    if before is None or after is None:
        return ServiceChange(name, "removed" if after is None else "added", before, after)
    if before == after:
        return ServiceChange(name, "unchanged", before, after)
    restarts, details = _details(Pair(old, new, before, after))
    return ServiceChange(name, "changed" if details else "unchanged", before, after, restarts, details)


def _details(pair: Pair) -> tuple[bool, tuple[Detail, ...]]:
    """Whether the template of the pods differs, and all that differs of the objects but for their namespace."""
    (old_map, old, old_front, *old_rest), (new_map, new, new_front, *new_rest) = (
        [*service_objects(service)] for service in (pair.old, pair.new)
    )
    found: list[Detail] = []
    if old_map["data"] != new_map["data"]:
        found += launch_details(pair)
    found += deployment_details(Deployments(pair, *(leaves(_at_home(one)) for one in (old, new))))
    found += smoke_details(pair)
    found += service_object_details(pair, *(leaves(_at_home(one)) for one in (old_front, new_front)))
    found += beside_details(pair, map(_at_home, old_rest), map(_at_home, new_rest))
    details = sorted(map(without_credentials, found), key=lambda detail: not detail.restarts)
    return old["spec"]["template"] != new["spec"]["template"], tuple(details)


def _at_home(manifest: Manifest) -> Manifest:
    """An object without its namespace, whose change is the cluster's."""
    kept = {key: value for key, value in manifest["metadata"].items() if key != "namespace"}
    return {**manifest, "metadata": kept}


def _renamed(services: tuple[ServiceChange, ...]) -> Iterator[tuple[str, str]]:
    """Services that go under one name and come under another, with the same weights."""
    gone = [one.old for one in services if one.kind == "removed" and one.old]
    for come in (one.new for one in services if one.kind == "added" and one.new):
        alike = [one for one in gone if one.model.source == come.model.source]
        if alike:
            gone.remove(alike[0])
            yield alike[0].name, come.name


def pool_changes(old: ResolvedStack, new: ResolvedStack) -> tuple[PoolChange, ...]:
    """The NPUs of every pool before and after."""
    return tuple(_pools(old, new, packing(old), packing(new)))


def _pools(old: ResolvedStack, new: ResolvedStack, before: Packing, after: Packing) -> Iterator[PoolChange]:
    for name in dict.fromkeys([*old.cluster.pools, *new.cluster.pools]):
        (used_before, total_before), (used, total) = _used(before, name), _used(after, name)
        yield PoolChange(name, used_before, used, total_before, total)


def _used(packed: Packing, pool: str) -> tuple[int, int]:
    nodes = [node for node in packed.nodes if node.pool == pool]
    return sum(node.npus - node.free for node in nodes), sum(node.npus for node in nodes)


def _running(stack: ResolvedStack) -> dict[str, int]:
    """NPUs of the pods of each service that has some."""
    return {service.name: service.npus for service in stack.services if service.replicas}


def total_npus(stack: ResolvedStack) -> int:
    """NPUs that the services of a stack ask for."""
    return sum(service.npus * service.replicas for service in stack.services)
