"""Requests to the API server by path, with errors that explain what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster.api.errors import ClusterError, explained, failures, refused
from cluster.api.outage import Contact
from cluster.api.paths import ApiPath
from cluster.snapshot import Object

ONLY_METADATA = {
    "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
}
"""Requests an object without its content."""


@dataclass(frozen=True)
class ApiRequests:
    """Requests through an open connection."""

    api: Any
    """The connection of kr8s."""
    context: str
    """The context of the kubeconfig."""
    namespace: str
    """The namespace of the services."""
    contact: Contact = field(default_factory=Contact, compare=False)
    """When the API server answered."""

    async def dry_run(self, plural: str, item: Mapping[str, Any]) -> Object:
        """An object as the API server would create it, after all webhooks. Nothing is created.

        Before the namespace of the services exists, `default` stands in for it.

        Args:
            plural: The plural of the kind.
            item: The object, without a namespace.

        Raises:
            ClusterError: The API server or a webhook refuses it, or the cluster cannot be reached.
        """
        for namespace in (self.namespace, "default"):
            response = await self._call(
                "POST",
                base="/apis" if "/" in item["apiVersion"] else "/api",
                version=item["apiVersion"],
                namespace=namespace,
                url=plural,
                params={"dryRun": "All"},
                headers={"Content-Type": "application/json"},
                content=json.dumps(item),
            )
            if response.status_code != 404:
                break
        if response.status_code != 201:
            raise self._refused(f"create {plural} (dry run)", response)
        created: Object = response.json()
        return created

    async def _list(self, path: ApiPath) -> Sequence[Object]:
        response = await self._call(
            "GET",
            base=path.base,
            version=path.version,
            namespace=self._namespace(path),
            url=path.plural,
            params=dict(path.selectors),
        )
        if response.status_code != 200:
            raise self._refused(f"list {path.plural}", response)
        items = response.json().get("items") or []
        return [{"kind": path.kind, **item} for item in items]

    async def _get_object(
        self,
        path: ApiPath,
        name: str,
        headers: Mapping[str, str],
    ) -> Any:
        return await self._call(
            "GET",
            base=path.base,
            version=path.version,
            namespace=self._namespace(path),
            url=f"{path.plural}/{name}",
            headers=dict(headers),
        )

    async def _exists(self, path: ApiPath, name: str) -> bool:
        response = await self._get_object(path, name, ONLY_METADATA)
        if response.status_code not in (200, 404):
            raise self._refused(f"get {path.plural} {name}", response)
        return bool(response.status_code == 200)

    def _namespace(self, path: ApiPath) -> str | None:
        if path.whole_cluster:
            return None
        return self.namespace

    def _refused(self, action: str, response: Any) -> ClusterError:
        return refused(
            self.context,
            action,
            status=response.status_code,
            text=response.text,
        )

    async def _call(self, method: str, **request: Any) -> Any:
        """An answer with any status. After 401, kr8s logs in again, since a token may have expired."""
        self.contact.request_sent()
        try:
            async with self.api.call_api(
                method, raise_for_status=False, **request
            ) as response:
                self.contact.answered()
                if response.status_code != 401:
                    return response
            async with self.api.call_api(method, **request) as response:
                return response
        except failures() as problem:
            raise explained(self.context, problem) from problem
