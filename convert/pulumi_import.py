"""The list for `pulumi import`: the running objects that a stack can take over, and whether their pods restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from convert.conversion import Conversion
from convert.draft import Draft
from convert.minimal import Values
from convert.objects import Object
from convert.stand_in import stand_in
from convert.unsupported.fields import unsupported_fields
from models.manifests import service_objects
from models.manifests.metadata import selector
from models.service.resolved import ResolvedService

_PROVIDER = "pulumi:providers:kubernetes"
_CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
_DEPLOYMENT = "kubernetes:apps/v1:Deployment"
_SERVICE = "kubernetes:core/v1:Service"
_NAMESPACE = "kubernetes:core/v1:Namespace"
_QUEUE = "kubernetes:scheduling.volcano.sh/v1beta1:Queue"


@dataclass(frozen=True)
class Adopted:
    """A service whose objects the stack takes over, or cannot take over."""

    service: str
    adopted: bool
    restarts: tuple[str, ...] = ()
    """The fields that change in the pods. If there are none, no pod restarts."""


@dataclass(frozen=True)
class Adoption:
    """All objects that a stack can take over."""

    resources: tuple[Values, ...]
    services: tuple[Adopted, ...]

    def as_json(self) -> Values:
        """The list in the form that `pulumi import --file` reads."""
        return {"resources": list(self.resources)}


def adoption(conversion: Conversion) -> Adoption:
    """The objects of a conversion that its stack can take over.

    Kubernetes never changes a selector. So a Deployment can be taken over only if it has the selector that the program
    writes, which means that the program made it.
    """
    cluster = conversion.cluster
    resources = [*_shared_resources(cluster, conversion.objects)]
    services = []
    for draft in conversion.drafts:
        candidate = stand_in(draft.name, draft.values, cluster)
        service = candidate.service
        if (
            service is None
            or candidate.replaced
            or not _has_same_identity(draft, service)
        ):
            services.append(Adopted(draft.name, adopted=False))
            continue
        resources += _resources(service, conversion.objects)
        changes = tuple(_changed_fields(draft, service))
        services.append(Adopted(draft.name, adopted=True, restarts=changes))
    if resources:
        resources.insert(0, _provider(cluster))
    return Adoption(tuple(resources), tuple(services))


def _provider(cluster: Values) -> Values:
    context = cluster.get("context", "")
    return {"type": _PROVIDER, "name": "cluster", "inputs": {"context": context}}


def _shared_resources(cluster: Values, objects: Sequence[Object]) -> Iterator[Values]:
    """The namespace and the queues that the stack creates."""
    namespace = cluster.get("namespace", {}).get("name")
    queues = cluster.get("queues", {})
    for item in objects:
        if item.kind == "Namespace" and namespace and item.name == namespace:
            yield _resource(_NAMESPACE, "namespace", item.name)
        elif item.kind == "Queue" and item.name in queues:
            yield _resource(_QUEUE, f"queue-{item.name}", item.name)


def _has_same_identity(draft: Draft, service: ResolvedService) -> bool:
    """Whether the Deployment has the name, the namespace and the selector of the service."""
    owner = draft.pod.owner
    return (
        owner.kind == "Deployment"
        and owner.name == service.name
        and draft.pod.namespace == service.cluster.namespace.name
        and owner.at("spec", "selector", "matchLabels").mapping() == selector(service)
    )


def _resources(service: ResolvedService, objects: Sequence[Object]) -> Iterator[Values]:
    """The components of a service, and its objects that the files contain."""
    name = service.name
    namespace = service.cluster.namespace.name
    script, *_ = service_objects(service)
    script_name = script["metadata"]["name"]
    yield _component("InferenceDeployment", name)
    yield _component("AscendNodeMounts", f"{name}-mounts", parent=name)
    yield _component("VllmLaunchScript", f"{name}-launch", parent=name)
    existing = {(item.kind, item.name) for item in objects}
    if ("ConfigMap", script_name) in existing:
        yield _resource(
            _CONFIG_MAP,
            f"{name}-launch-config-map",
            f"{namespace}/{script_name}",
            parent=f"{name}-launch",
        )
    if ("Deployment", name) in existing:
        yield _resource(
            _DEPLOYMENT,
            f"{name}-deployment",
            f"{namespace}/{name}",
            parent=name,
        )
    if ("Service", name) in existing:
        yield _resource(
            _SERVICE,
            f"{name}-service",
            f"{namespace}/{name}",
            parent=name,
        )


def _component(
    kind: str,
    name: str,
    parent: str = "",
) -> Values:
    component = {"type": f"ascend-vllm:index:{kind}", "name": name, "component": True}
    if parent:
        component["parent"] = parent
    return component


def _resource(
    kind: str,
    name: str,
    identifier: str,
    parent: str = "",
) -> Values:
    resource = {"type": kind, "name": name, "id": identifier, "provider": "cluster"}
    if parent:
        resource["parent"] = parent
    return resource


def _changed_fields(draft: Draft, service: ResolvedService) -> Iterator[str]:
    """The fields of the pods that the stack would change."""
    objects = {item["kind"]: item for item in service_objects(service)}
    deployment = objects["Deployment"]
    new = deployment["spec"]["template"]
    old = draft.pod.template
    yield from _changed_paths(new, old.value, "")
    for kind in ("labels", "annotations"):
        kept = new["metadata"].get(kind, {})
        for name in old.at("metadata", kind).mapping():
            if name not in kept:
                yield f"metadata.{kind}.{name}"
    if old.at("spec", "affinity").value and "affinity" not in new["spec"]:
        yield "spec.affinity, which follows from cluster.pools: add them first"
    for note in unsupported_fields(draft.pod):
        if note.kind == "dropped" and note.subject != "affinity":
            yield note.subject


def _changed_paths(
    new: Any,
    old: Any,
    path: str,
) -> Iterator[str]:
    """The paths at which an old value lacks a part of the new value."""
    if isinstance(new, dict) and isinstance(old, dict):
        for key, value in new.items():
            path_below = f"{path}.{key}" if path else key
            yield from _changed_paths(value, old.get(key), path_below)
    elif _are_lists_of_one_length(new, old):
        for index, value in enumerate(new):
            yield from _changed_paths(value, old[index], f"{path}[{index}]")
    elif new in ({}, []) and old is None:
        return
    elif new != old:
        yield path


def _are_lists_of_one_length(new: Any, old: Any) -> bool:
    if not isinstance(new, list) or not isinstance(old, list):
        return False
    return len(new) == len(old)
