"""Read a cluster through kr8s, which is loaded on first use.

Objects are read by path instead of by kind, for which kr8s would query the API server for all kinds that it knows. They
are read one after the other, because kr8s closes its connections when it has to log in again.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from cluster.api.errors import ClusterError, explained, failures
from cluster.api.key_files import forget_keys
from cluster.api.kubeconfig import refuse_unreadable
from cluster.api.outage import Contact
from cluster.api.paths import (
    AUTOSCALERS,
    DEPLOYMENTS,
    LEADER_WORKER_SETS,
    NARROW,
    NODES,
    PODS,
    PREREQUISITES,
    SERVICE_OBJECTS,
    STACK_OBJECTS,
    WIDE,
    ApiPath,
)
from cluster.api.requests import ONLY_METADATA, ApiRequests
from cluster.snapshot import Object, Snapshot

SECONDS = 15  # the longest time of an answer

_LOG_BYTES = 1024 * 1024
"""Bytes of a log that are read. The API server counts them from the first of the lines."""

SCALER = "ascend-vllm-autoscaler"
"""The field manager that owns the replicas of services whose number an autoscaler sets."""


class Reader(Protocol):
    """The reads that status and waiting need."""

    @property
    def contact(self) -> Contact:
        """When the API server answered."""

    async def deployments(self) -> Sequence[Object]:
        """The Deployments of the services, in one call.

        Raises:
            ClusterError: They cannot be read.
        """

    async def leader_worker_sets(self) -> Sequence[Object]:
        """The LeaderWorkerSets of the services over several nodes, in one call.

        Raises:
            ClusterError: They cannot be read, or the cluster does not know the kind.
        """

    async def service_pods(self) -> Sequence[Object]:
        """The pods of the services, in one call.

        Raises:
            ClusterError: They cannot be read.
        """

    async def look(self, *, wide: bool) -> Snapshot:
        """A snapshot of everything that explains why a service is not ready. It names what could not be read.

        Args:
            wide: Read nodes, queues and the pods of all namespaces, too.

        Raises:
            ClusterError: The cluster cannot be reached.
        """

    async def log(
        self,
        pod: str,
        container: str,
        *,
        previous: bool,
        lines: int,
    ) -> tuple[str, ...]:
        """The last log lines of a container, or of its previous run; empty if there is no log."""


@dataclass(frozen=True)
class Cluster(ApiRequests):
    """An open connection to a cluster."""

    async def deployments(self) -> Sequence[Object]:
        """The Deployments of the services, in one call.

        Raises:
            ClusterError: They cannot be read.
        """
        return await self._list(DEPLOYMENTS)

    async def leader_worker_sets(self) -> Sequence[Object]:
        """The LeaderWorkerSets of the services over several nodes, in one call.

        Raises:
            ClusterError: They cannot be read, or the cluster does not know the kind.
        """
        return await self._list(LEADER_WORKER_SETS)

    async def service_pods(self) -> Sequence[Object]:
        """The pods of the services, in one call.

        Raises:
            ClusterError: They cannot be read.
        """
        return await self._list(PODS)

    async def look(self, *, wide: bool) -> Snapshot:
        """A snapshot of everything that explains why a service is not ready. It names what could not be read.

        Args:
            wide: Read nodes, queues and the pods of all namespaces, too.

        Raises:
            ClusterError: The cluster cannot be reached.
        """
        paths = NARROW
        if wide:
            paths = WIDE
        lists: dict[str, Any] = {}
        unread: dict[str, str] = {}
        unknown_kinds: set[str] = set()
        for field, path in paths.items():
            try:
                lists[field] = tuple(await self._list(path))
            except ClusterError as problem:
                if problem.passing or problem.unknown_user:
                    raise
                unread[path.plural] = problem.message
                if problem.unknown_kind:
                    unknown_kinds.add(path.plural)
        return Snapshot(
            datetime.now(UTC),
            self.namespace,
            unread=unread,
            unknown_kinds=frozenset(unknown_kinds),
            **lists,
        )

    async def service_objects(self) -> Sequence[Object]:
        """The Deployments, Services and launch ConfigMaps of all services of the namespace, whatever their stack.

        Raises:
            ClusterError: They cannot be read.
        """
        objects: list[Object] = []
        for path in SERVICE_OBJECTS:
            objects += await self._list(path)
        return objects

    async def labelled(self, kind: str) -> Sequence[Object]:
        """The objects of a kind that have the program's label; none if the cluster does not know the kind.

        Raises:
            ClusterError: They cannot be read.
        """
        try:
            return await self._list(STACK_OBJECTS[kind])
        except ClusterError as problem:
            if problem.unknown_kind:
                return []
            raise

    async def named(self, kind: str, name: str) -> Object | None:
        """An object of a kind that stacks create, or None if it does not exist. Of a Secret, only the metadata.

        Raises:
            ClusterError: It cannot be read.
        """
        path = STACK_OBJECTS[kind]
        headers: Mapping[str, str] = {}
        if kind == "Secret":
            headers = ONLY_METADATA
        response = await self._get_object(path, name, headers)
        if response.status_code == 404:
            # For a kind that it knows, the API server answers with a Status object.
            if not response.text.startswith("{"):
                raise self._refused(f"get {path.plural} {name}", response)
            return None
        if response.status_code != 200:
            raise self._refused(f"get {path.plural} {name}", response)
        return {**response.json(), "kind": kind}

    async def exists(self, kind: str, name: str) -> bool:
        """Whether an object exists that a stack needs. Only its metadata is read, so no value of a Secret.

        Raises:
            ClusterError: It may not be read, or the cluster cannot be reached.
        """
        return await self._exists(PREREQUISITES[kind], name)

    async def pods_of_job(self, job: str) -> Sequence[Object]:
        """The pods of a Job.

        Raises:
            ClusterError: They cannot be read.
        """
        selectors = {"labelSelector": f"job-name={job}"}
        return await self._list(replace(PODS, selectors=selectors))

    async def nodes(self) -> Sequence[Object]:
        """All nodes.

        Raises:
            ClusterError: They cannot be read.
        """
        return await self._list(NODES)

    async def autoscalers(self) -> Sequence[Object]:
        """The HorizontalPodAutoscalers of the namespace.

        Raises:
            ClusterError: They cannot be read.
        """
        return await self._list(AUTOSCALERS)

    async def kinds(self, group: str) -> frozenset[str]:
        """The kinds that the cluster knows of an API group and version, `policy/v1`; empty if it lacks the group.

        Raises:
            ClusterError: They cannot be read.
        """
        response = await self._call(
            "GET",
            base="/apis",
            version=group,
            url="",
        )
        if response.status_code == 404:
            return frozenset()
        if response.status_code != 200:
            raise self._refused(f"list the kinds of {group}", response)
        resources = response.json().get("resources") or []
        return frozenset(str(resource.get("kind")) for resource in resources)

    async def leave_replicas(self, path: ApiPath, name: str, replicas: int) -> bool:
        """Make a second field manager own the replicas of a workload, so that they stay when Pulumi drops them.

        The API server removes a field that only one manager owns when that manager stops applying it, and a workload
        without replicas has one pod, or one group.

        Args:
            path: Deployments or LeaderWorkerSets.
            name: The name of the workload.
            replicas: Its current replicas.

        Returns:
            Whether it succeeded; False if the replicas have changed meanwhile.

        Raises:
            ClusterError: The workload may not be patched, or the cluster cannot be reached.
        """
        patch = {
            "apiVersion": path.version,
            "kind": path.kind,
            "metadata": {"name": name},
            "spec": {"replicas": replicas},
        }
        response = await self._call(
            "PATCH",
            base=path.base,
            version=path.version,
            namespace=self.namespace,
            url=f"{path.plural}/{name}",
            params={"fieldManager": SCALER},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(patch),
        )
        if response.status_code not in (200, 409):
            raise self._refused(f"patch the {path.kind} {name}", response)
        return bool(response.status_code == 200)

    async def log(
        self,
        pod: str,
        container: str,
        *,
        previous: bool,
        lines: int,
    ) -> tuple[str, ...]:
        """The last log lines of a container, or of its previous run; empty if there is no log."""
        parameters = {
            "container": container,
            "tailLines": str(lines),
            "previous": str(previous).lower(),
            "limitBytes": str(_LOG_BYTES),
        }
        try:
            response = await self._call(
                "GET",
                version="v1",
                namespace=self.namespace,
                url=f"pods/{pod}/log",
                params=parameters,
            )
        except ClusterError:
            return ()  # a log only helps, and a node in trouble cannot return it
        if response.status_code != 200:
            return ()
        return tuple(response.text.splitlines())

    async def secret(self, name: str, key: str) -> str:
        """A value of a Secret of the namespace.

        Raises:
            ClusterError: The Secret or the key does not exist, or may not be read.
        """
        response = await self._call(
            "GET",
            version="v1",
            namespace=self.namespace,
            url=f"secrets/{name}",
        )
        if response.status_code == 404:
            raise ClusterError(
                f"the namespace {self.namespace} has no Secret {name!r}",
                "create it, or correct server.apiKey",
            )
        if response.status_code != 200:
            raise self._refused(f"get the Secret {name}", response)
        values = response.json().get("data") or {}
        if key not in values:
            raise ClusterError(
                f"the Secret {name} has no key {key!r}", "correct server.apiKey"
            )
        return base64.b64decode(values[key]).decode()


@asynccontextmanager
async def connected(context: str, namespace: str) -> AsyncIterator[Cluster]:
    """A connection to the cluster of a context of the kubeconfig (`KUBECONFIG`, or the user's own).

    Credentials are read immediately. Whether the API server answers is seen only at the first read.

    Raises:
        ClusterError: There are no credentials for this context.
    """
    refuse_unreadable()
    connection = await asyncio.to_thread(
        importlib.import_module, "cluster.api.connection"
    )  # loading kr8s takes a while

    began = time.time()
    api = connection.Connection(
        context=context, namespace=namespace, bypass_factory=True
    )
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
