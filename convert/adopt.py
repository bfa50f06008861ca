"""Taking over objects that run already: the list that `pulumi import --file` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from convert.conversion import Conversion
from convert.draft import Draft
from convert.leftovers import of_pod
from convert.manifest import Object
from convert.stand_in import stand_in
from models.manifests import service_objects
from models.manifests.metadata import selector
from models.service.resolved import ResolvedService

Values = dict[str, Any]

_CONFIG_MAP, _DEPLOYMENT, _SERVICE = (
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:core/v1:Service",
)


@dataclass(frozen=True)
class Adopted:
    """What becomes of the pods of a service when the stack takes its objects over."""

    service: str
    adopted: bool
    restarts: tuple[str, ...] = ()
    """The fields of the pods that change; without any, no pod restarts."""


@dataclass(frozen=True)
class Adoption:
    """The list of all objects that a stack can take over."""

    resources: tuple[Values, ...]
    services: tuple[Adopted, ...]

    def as_json(self) -> Values:
        """The list as `pulumi import --file` reads it."""
        return {"resources": list(self.resources)}


def adoption(conversion: Conversion) -> Adoption:
    """What the stack of a conversion can take over of the objects that it was made of.

    A Deployment can be taken over only if its selector is the one that it has here, since Kubernetes never changes a
    selector: one that this program has made.
    """
    cluster, objects = conversion.cluster, conversion.objects
    provider = {
        "type": "pulumi:providers:kubernetes",
        "name": "cluster",
        "inputs": {"context": cluster.get("context", "")},
    }
    resources, services = [provider, *_shared(cluster, objects)], []
    for draft in conversion.drafts:
        stood = stand_in(draft.name, draft.values, cluster)
        if stood.service is None or stood.odd or not _is_same(draft, stood.service):
            services.append(Adopted(draft.name, adopted=False))
        else:
            resources += _resources(stood.service, objects)
            services.append(Adopted(draft.name, adopted=True, restarts=tuple(_restarts(draft, stood.service))))
    return Adoption(tuple(resources) if len(resources) > 1 else (), tuple(services))


def _is_same(draft: Draft, service: ResolvedService) -> bool:
    """Whether the Deployment is the service's own by name, namespace and selector."""
    owner = draft.pod.owner
    named = (owner.at("metadata", "name").text(), owner.at("metadata", "namespace").text())
    same = owner.at("spec", "selector", "matchLabels").mapping() == selector(service)
    return owner.kind == "Deployment" and same and named == (service.name, service.cluster.namespace.name)


def _shared(cluster: Values, objects: Sequence[Object]) -> Iterator[Values]:
    """The namespace and the queues that the stack makes."""
    for one in objects:
        name = one.at("metadata", "name").text()
        if one.kind == "Namespace" and cluster.get("namespace") and name == cluster["namespace"].get("name"):
            yield _resource("kubernetes:core/v1:Namespace", "namespace", name)
        elif one.kind == "Queue" and name in cluster.get("queues", {}):
            yield _resource("kubernetes:scheduling.volcano.sh/v1beta1:Queue", f"queue-{name}", name)


def _resources(service: ResolvedService, objects: Sequence[Object]) -> Iterator[Values]:
    """The components of a service, and its objects that are there."""
    name = service.name
    there = {(one.kind, one.at("metadata", "name").text()) for one in objects}
    script, _, _ = service_objects(service)
    yield _component("InferenceDeployment", name)
    yield _component("AscendNodeMounts", f"{name}-mounts", name)
    yield _component("VllmLaunchScript", f"{name}-launch", name)
    for kind, resource, object_name, parent in (
        (_CONFIG_MAP, f"{name}-launch-config-map", script["metadata"]["name"], f"{name}-launch"),
        (_DEPLOYMENT, f"{name}-deployment", name, name),
        (_SERVICE, f"{name}-service", name, name),
    ):
        if (kind.rpartition(":")[2], object_name) in there:
            yield {**_resource(kind, resource, f"{service.cluster.namespace.name}/{object_name}"), "parent": parent}


def _component(kind: str, name: str, parent: str = "") -> Values:
    found = {"type": f"ascend-vllm:index:{kind}", "name": name, "component": True}
    return {**found, "parent": parent} if parent else found


def _resource(kind: str, name: str, found: str) -> Values:
    return {"type": kind, "name": name, "id": found, "provider": "cluster"}


def _restarts(draft: Draft, service: ResolvedService) -> Iterator[str]:
    """The fields of the pods that the stack would change."""
    deployment = next(one for one in service_objects(service) if one["kind"] == "Deployment")
    wanted, there = deployment["spec"]["template"], draft.pod.template
    yield from _changed(wanted, there.value, "")
    for kind in ("labels", "annotations"):
        known = wanted["metadata"].get(kind, {})
        yield from (f"metadata.{kind}.{key}" for key in there.at("metadata", kind).mapping() if key not in known)
    if there.at("spec", "affinity").value and "affinity" not in wanted["spec"]:
        yield "spec.affinity, which follows from cluster.pools: add them first"
    yield from (note.what for note in of_pod(draft.pod) if note.kind == "dropped" and note.what != "affinity")


def _changed(wanted: Any, there: Any, path: str) -> Iterator[str]:
    """The paths at which what is there lacks what is wanted."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        for key, value in wanted.items():
            yield from _changed(value, there.get(key), f"{path}.{key}" if path else key)
    elif isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        for index, value in enumerate(wanted):
            yield from _changed(value, there[index], f"{path}[{index}]")
    elif wanted != there and not (wanted in ({}, []) and there is None):
        yield path
