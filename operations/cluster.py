"""Read a cluster through kr8s, which is loaded by the first use only.

Lists are read by path instead of by kind, for which kr8s would ask the API server for all kinds that it knows; and one
after the other, since kr8s closes its connections when it has to log in again.
"""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from operations.credentials import forget_keys
from operations.errors import ClusterError, explained, failures, refused
from operations.seen import SELECTOR, Object, Seen

SECONDS = 15
"""How long a single answer of the API server may take."""


class Reader(Protocol):
    """What can be read of the cluster of a stack."""

    async def deployments(self) -> Sequence[Object]:
        """The Deployments of the services, in one call.

        Raises:
            ClusterError: They cannot be read.
        """

    async def look(self, *, wide: bool) -> Seen:
        """All that explains why a service is not ready; what may not be read is said in it.

        Args:
            wide: Look at nodes, queues and everybody's pods too.

        Raises:
            ClusterError: The cluster cannot be reached.
        """

    async def log(self, pod: str, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """The last lines of a container, or of the one before it; none when there is no log."""


@dataclass(frozen=True)
class _List:
    """Where objects of a kind are listed."""

    base: str
    version: str
    plural: str
    kind: str
    selectors: tuple[tuple[str, str], ...] = ()
    whole_cluster: bool = False


_OURS = (("labelSelector", SELECTOR),)
_PLACED = (("fieldSelector", "spec.nodeName!="),)
_NARROW = {
    "deployments": _List("/apis", "apps/v1", "deployments", "Deployment", _OURS),
    "replica_sets": _List("/apis", "apps/v1", "replicasets", "ReplicaSet", _OURS),
    "pods": _List("/api", "v1", "pods", "Pod", _OURS),
    "events": _List("/api", "v1", "events", "Event"),
}
_MADE = (
    _NARROW["deployments"],
    _List("/api", "v1", "services", "Service", _OURS),
    _List("/api", "v1", "configmaps", "ConfigMap", _OURS),
)
_BY_NAME = {
    **{where.kind: where for where in _MADE},
    "Secret": _List("/api", "v1", "secrets", "Secret"),
    "Job": _List("/apis", "batch/v1", "jobs", "Job"),
    "Namespace": _List("/api", "v1", "namespaces", "Namespace", whole_cluster=True),
    "Queue": _List("/apis", "scheduling.volcano.sh/v1beta1", "queues", "Queue", whole_cluster=True),
}
_ONLY_METADATA = {"headers": {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}}
"""Asks the API server for an object without what it holds."""

_AUTOSCALERS = _List("/apis", "autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
_WIDE = {
    "nodes": _List("/api", "v1", "nodes", "Node", whole_cluster=True),
    "holders": _List("/api", "v1", "pods", "Pod", _PLACED, whole_cluster=True),
    "pod_groups": _List("/apis", "scheduling.volcano.sh/v1beta1", "podgroups", "PodGroup"),
    "cluster_groups": _List("/apis", "scheduling.volcano.sh/v1beta1", "podgroups", "PodGroup", whole_cluster=True),
    "queues": _List("/apis", "scheduling.volcano.sh/v1beta1", "queues", "Queue", whole_cluster=True),
}


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers."""

    api: Any
    """kr8s' connection."""
    context: str
    namespace: str

    async def deployments(self) -> Sequence[Object]:
        """The Deployments of the services, in one call."""
        return await self._list(_NARROW["deployments"])

    async def look(self, *, wide: bool) -> Seen:
        """All that explains why a service is not ready."""
        seen = Seen(datetime.now(UTC), self.namespace)
        for field, where in ({**_NARROW, **_WIDE} if wide else _NARROW).items():
            try:
                listed: dict[str, Any] = {field: tuple(await self._list(where))}
                seen = replace(seen, **listed)
            except ClusterError as problem:
                if problem.passing or problem.unknown_user:
                    raise
                seen = replace(seen, unread={**seen.unread, where.plural: problem.message})
        return seen

    async def made(self) -> Sequence[Object]:
        """The Deployments, Services and launch maps of the services, whichever stack made them.

        Raises:
            ClusterError: They cannot be read.
        """
        return [item for where in _MADE for item in await self._list(where)]

    async def named(self, kind: str, name: str) -> Object | None:
        """An object of a kind that stacks make, or None when there is none; of a Secret only its metadata.

        Raises:
            ClusterError: It cannot be read.
        """
        where = _BY_NAME[kind]
        response = await self._get(
            base=where.base,
            version=where.version,
            namespace=None if where.whole_cluster else self.namespace,
            url=f"{where.plural}/{name}",
            **(_ONLY_METADATA if kind == "Secret" else {}),
        )
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise refused(self.context, f"get {where.plural} {name}", response.status_code, response.text)
        return {**response.json(), "kind": where.kind}

    async def autoscalers(self) -> Sequence[Object]:
        """The HorizontalPodAutoscalers of the namespace.

        Raises:
            ClusterError: They cannot be read.
        """
        return await self._list(_AUTOSCALERS)

    async def log(self, pod: str, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """The last lines of a container, or of the one before it."""
        asked = {"container": container, "tailLines": str(lines), "previous": str(previous).lower()}
        path = f"pods/{pod}/log"
        try:
            response = await self._get(version="v1", namespace=self.namespace, url=path, params=asked)
        except ClusterError:
            return ()  # a log is a help, and a node in trouble cannot give it
        return tuple(response.text.splitlines()) if response.status_code == 200 else ()

    async def secret(self, name: str, key: str) -> str:
        """A value of a Secret of the namespace.

        Raises:
            ClusterError: There is no such Secret or key, or it may not be read.
        """
        response = await self._get(version="v1", namespace=self.namespace, url=f"secrets/{name}")
        if response.status_code == 404:
            raise ClusterError(f"{self.namespace} has no Secret {name!r}", "make it, or correct server.apiKey")
        if response.status_code != 200:
            raise refused(self.context, f"get the Secret {name}", response.status_code, response.text)
        held = response.json().get("data") or {}
        if key not in held:
            raise ClusterError(f"the Secret {name} has no key {key!r}", "correct server.apiKey")
        return base64.b64decode(held[key]).decode()

    async def _list(self, where: _List) -> Sequence[Object]:
        response = await self._get(
            base=where.base,
            version=where.version,
            namespace=None if where.whole_cluster else self.namespace,
            url=where.plural,
            params=dict(where.selectors),
        )
        if response.status_code != 200:
            raise refused(self.context, f"list {where.plural}", response.status_code, response.text)
        return [{"kind": where.kind, **item} for item in response.json().get("items") or []]

    async def _get(self, **asked: Any) -> Any:
        """An answer, whatever its status; with 401 kr8s logs in again, as where a token has run out meanwhile."""
        try:
            async with self.api.call_api("GET", raise_for_status=False, **asked) as response:
                if response.status_code != 401:
                    return response
            async with self.api.call_api("GET", **asked) as response:
                return response
        except failures() as problem:
            raise explained(self.context, problem) from problem


@asynccontextmanager
async def connected(context: str, namespace: str) -> AsyncIterator[Cluster]:
    """The cluster of a context of the kubeconfig (`KUBECONFIG`, or the user's own), as long as it is needed.

    Credentials are read at once; whether the API server answers shows when it is asked.

    Raises:
        ClusterError: There are no credentials for this context.
    """
    from kr8s.asyncio import Api

    began = time.time()
    api: Any = Api(context=context, namespace=namespace, bypass_factory=True)  # kr8s would ask for the version first
    api.timeout = SECONDS
    try:
        try:
            await api.auth
        except failures() as problem:
            raise explained(context, problem) from problem
        yield Cluster(api, context, namespace)
    finally:
        if session := vars(api)["_session"]:
            await session.aclose()
        forget_keys(api.auth, began)
