"""Replicas that an autoscaler sets: how the program gives them out of its hands without a pod that ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.errors import ClusterError
from cluster.reader import Cluster, connected
from cluster.snapshot import Object, name_of
from models.manifests.metadata import OURS
from models.service.resolved import ResolvedStack

_OUR_NAME = OURS["pulumi.com/patchFieldManager"]
_TRIES = 5


async def hand_over_replicas(stack: ResolvedStack) -> Mapping[str, int]:
    """Let the replicas of Deployments be, where the stack file gives them no longer; before any update.

    The program has applied them. When it applies them no more, the API server takes them away, and a Deployment
    without replicas has one. So a second manager applies the number that is there.

    Returns:
        How many pods the external services have now.

    Raises:
        ClusterError: Nobody knows how many there are, or they may not be held.
    """
    external = {service.name for service in stack.services if service.external}
    if not external:
        return {}
    context, namespace = stack.cluster.context, stack.cluster.namespace.name
    async with connected(context, namespace) as reader:
        listed = await reader.deployments()
        ours = [name_of(deployment) for deployment in _of(listed, external) if _is_ours(deployment)]
        if not ours:
            return _replicas(listed, external)
        for name in ours:
            await _hand_over(reader, name)
        return _replicas(await reader.deployments(), external)


async def _hand_over(reader: Cluster, name: str) -> None:
    for _ in range(_TRIES):
        (deployment,) = _of(await reader.deployments(), {name})
        if await reader.leave_replicas(name, int(deployment["spec"].get("replicas", 1))):
            return
    raise ClusterError(f"the replicas of {name} change again and again", "wait for the autoscaler, and run it again")


def _of(listed: Sequence[Object], names: set[str]) -> list[Object]:
    return [one for one in listed if name_of(one) in names]


def _replicas(listed: Sequence[Object], names: set[str]) -> Mapping[str, int]:
    return {name_of(one): int(one["spec"].get("replicas", 1)) for one in _of(listed, names)}


def _is_ours(deployment: Object) -> bool:
    """Whether the program alone holds the replicas."""
    holders = [
        entry.get("manager")
        for entry in deployment["metadata"].get("managedFields") or []
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return holders == [_OUR_NAME]
