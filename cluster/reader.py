"""Read a cluster through kr8s, which is loaded by the first use only.

Lists are read by path instead of by kind, for which kr8s would ask the API server for all kinds that it knows; and one
after the other, since kr8s closes its connections when it has to log in again.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from cluster.errors import ClusterError, explained, failures, refused
from cluster.key_files import forget_keys
from cluster.snapshot import SELECTOR, Object, Seen

SECONDS = 15
"""How long a single answer of the API server may take."""

SCALER = "ascend-vllm-autoscaler"
"""The name by which the program holds replicas that it gives out of its hands."""


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
    "PersistentVolumeClaim": _List("/api", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    "Namespace": _List("/api", "v1", "namespaces", "Namespace", whole_cluster=True),
    "Queue": _List("/apis", "scheduling.volcano.sh/v1beta1", "queues", "Queue", whole_cluster=True),
    "PodDisruptionBudget": _List("/apis", "policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", _OURS),
    "NetworkPolicy": _List("/apis", "networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", _OURS),
    "PodMonitor": _List("/apis", "monitoring.coreos.com/v1", "podmonitors", "PodMonitor", _OURS),
    "PrometheusRule": _List("/apis", "monitoring.coreos.com/v1", "prometheusrules", "PrometheusRule", _OURS),
}
_NAMED_BY_PODS = {
    "ConfigMap": _List("/api", "v1", "configmaps", "ConfigMap"),
    "PersistentVolumeClaim": _List("/api", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    "PriorityClass": _List("/apis", "scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", whole_cluster=True),
    "RuntimeClass": _List("/apis", "node.k8s.io/v1", "runtimeclasses", "RuntimeClass", whole_cluster=True),
    "Secret": _List("/api", "v1", "secrets", "Secret"),
    "ServiceAccount": _List("/api", "v1", "serviceaccounts", "ServiceAccount"),
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

    async def labelled(self, kind: str) -> Sequence[Object]:
        """The objects of a kind that the program's label is on; none where the cluster does not know the kind.

        Raises:
            ClusterError: They cannot be read.
        """
        where = _BY_NAME[kind]
        response = await self._answer(where)
        return [] if response.status_code == 404 else self._items(where, response)

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
            if not response.text.startswith("{"):  # the API server knows no such kind, or it would say so as a Status
                raise ClusterError(f"the cluster knows no {kind}", "install what offers it")
            return None
        if response.status_code != 200:
            raise refused(self.context, f"get {where.plural} {name}", response.status_code, response.text)
        return {**response.json(), "kind": where.kind}

    async def pods_of_job(self, job: str) -> Sequence[Object]:
        """The pods of a Job.

        Raises:
            ClusterError: They cannot be read.
        """
        return await self._list(replace(_NARROW["pods"], selectors=(("labelSelector", f"job-name={job}"),)))

    async def is_there(self, kind: str, name: str) -> bool:
        """Whether there is an object of this name; only its metadata is read, so of a Secret no value.

        Raises:
            ClusterError: It may not be asked, or the cluster cannot be reached.
        """
        where = _NAMED_BY_PODS[kind]
        response = await self._get(
            base=where.base,
            version=where.version,
            namespace=None if where.whole_cluster else self.namespace,
            url=f"{where.plural}/{name}",
            headers={"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"},
        )
        if response.status_code not in (200, 404):
            raise refused(self.context, f"get {where.plural} {name}", response.status_code, response.text)
        return bool(response.status_code == 200)

    async def nodes(self) -> Sequence[Object]:
        """All nodes.

        Raises:
            ClusterError: They cannot be read.
        """
        return await self._list(_WIDE["nodes"])

    async def kinds(self, group: str) -> frozenset[str]:
        """The kinds of objects that the cluster knows of an API group and version, `policy/v1`; none if it lacks it.

        Raises:
            ClusterError: It cannot be asked.
        """
        response = await self._get(base="/apis", version=group, url="")
        if response.status_code == 404:
            return frozenset()
        if response.status_code != 200:
            raise refused(self.context, f"ask what {group} has", response.status_code, response.text)
        return frozenset(str(one.get("kind")) for one in response.json().get("resources") or [])

    async def is_defined(self, kind: str) -> bool:
        """Whether a kind has a CustomResourceDefinition, even if discovery does not report the kind at the moment.

        Raises:
            ClusterError: Definitions may not be read, or the cluster cannot be reached.
        """
        where = _BY_NAME[kind]
        group = where.version.partition("/")[0]
        name = f"{where.plural}.{group}"
        response = await self._get(
            base="/apis", version="apiextensions.k8s.io/v1", url=f"customresourcedefinitions/{name}", **_ONLY_METADATA
        )
        if response.status_code not in (200, 404):
            raise refused(self.context, f"get the definition {name}", response.status_code, response.text)
        return bool(response.status_code == 200)

    async def leave_replicas(self, deployment: str, replicas: int) -> bool:
        """Say that the replicas of a Deployment are not the program's alone; false when they have changed meanwhile.

        What only one has applied goes when he applies it no more, and a Deployment without replicas has one.

        Raises:
            ClusterError: It may not be said, or the cluster cannot be reached.
        """
        about = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": deployment}}
        response = await self._call(
            "PATCH",
            base="/apis",
            version="apps/v1",
            namespace=self.namespace,
            url=f"deployments/{deployment}",
            params={"fieldManager": SCALER},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps({**about, "spec": {"replicas": replicas}}),
        )
        if response.status_code not in (200, 409):
            raise refused(self.context, f"patch the Deployment {deployment}", response.status_code, response.text)
        return bool(response.status_code == 200)

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
        return self._items(where, await self._answer(where))

    async def _answer(self, where: _List) -> Any:
        return await self._get(
            base=where.base,
            version=where.version,
            namespace=None if where.whole_cluster else self.namespace,
            url=where.plural,
            params=dict(where.selectors),
        )

    def _items(self, where: _List, response: Any) -> Sequence[Object]:
        if response.status_code != 200:
            raise refused(self.context, f"list {where.plural}", response.status_code, response.text)
        return [{"kind": where.kind, **item} for item in response.json().get("items") or []]

    async def _get(self, **asked: Any) -> Any:
        return await self._call("GET", **asked)

    async def _call(self, method: str, **asked: Any) -> Any:
        """An answer, whatever its status; with 401 kr8s logs in again, as where a token has run out meanwhile."""
        try:
            async with self.api.call_api(method, raise_for_status=False, **asked) as response:
                if response.status_code != 401:
                    return response
            async with self.api.call_api(method, **asked) as response:
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
    connection = await asyncio.to_thread(importlib.import_module, "cluster.connection")  # loading kr8s takes a while

    began = time.time()
    api = connection.Connection(context=context, namespace=namespace, bypass_factory=True)
    api.timeout = SECONDS
    try:
        try:
            await api.auth
        except failures() as problem:
            raise explained(context, problem) from problem
        yield Cluster(api, context, namespace)
    finally:
        await api.close()
        forget_keys(api.auth, began)
