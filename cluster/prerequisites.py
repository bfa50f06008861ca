"""Objects that the pods of a stack refer to and the stack does not create: Secrets, claims, classes, accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.manifests import service_objects, stack_objects
from models.manifests.pod_fields import OWNED_ITEMS
from models.manifests.workload import serving_template
from models.service.resolved import ResolvedService, ResolvedStack

_CLASSES_AND_ACCOUNTS = (
    ("priorityClassName", "PriorityClass", "priorityClass"),
    ("runtimeClassName", "RuntimeClass", "podTemplate.spec.runtimeClassName"),
    ("serviceAccountName", "ServiceAccount", "podTemplate.spec.serviceAccountName"),
)
"""Field of a pod's spec, the kind that it names, and the key of the stack file that sets it."""

_VOLUME_SOURCES = (
    ("secret", "secretName", "Secret"),
    ("configMap", "name", "ConfigMap"),
    ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
)
"""Source of a volume, its field with the name of an object, and the kind of the object."""

_VARIABLE_SOURCES = {
    "secretKeyRef": "Secret",
    "configMapKeyRef": "ConfigMap",
    "secretRef": "Secret",
    "configMapRef": "ConfigMap",
}
"""Kinds of objects by the reference of an environment variable, or of `envFrom`."""


@dataclass(frozen=True)
class Prerequisite:
    """An object that must exist before the pods of a service can start."""

    kind: str
    name: str
    service: str
    field: str
    """The key of the stack file that names the object."""


@dataclass(frozen=True)
class _Reference:
    kind: str
    name: str
    field: str


def prerequisites(stack: ResolvedStack) -> list[Prerequisite]:
    """Everything that pods refer to and the stack does not create, each once."""
    created = {
        (item["kind"], item["metadata"]["name"]) for item in stack_objects(stack)
    }
    for secret in stack.secrets:
        created.add(("Secret", secret.name))

    found: dict[Prerequisite, None] = {}
    for service in stack.services:
        for reference in _pod_references(_pod_spec(service)):
            if (reference.kind, reference.name) in created:
                continue
            prerequisite = Prerequisite(
                kind=reference.kind,
                name=reference.name,
                service=service.name,
                field=reference.field,
            )
            found[prerequisite] = None
    return list(found)


def _pod_spec(service: ResolvedService) -> Mapping[str, Any]:
    for item in service_objects(service):
        if item["kind"] in ("Deployment", "LeaderWorkerSet"):
            spec: Mapping[str, Any] = serving_template(item)["spec"]
            return spec
    raise LookupError(f"{service.name} has no pods")


def _pod_references(pod: Mapping[str, Any]) -> Iterator[_Reference]:
    """The objects that the spec of a pod refers to."""
    for field, kind, key in _CLASSES_AND_ACCOUNTS:
        if pod.get(field):
            yield _Reference(kind, str(pod[field]), key)
    for secret in pod.get("imagePullSecrets") or []:
        yield _Reference("Secret", str(secret["name"]), "pullSecrets")
    for volume in pod.get("volumes") or []:
        yield from _volume_references(volume)
    for container in pod.get("initContainers") or []:
        yield from _container_references(container, _init_container_key(container))
    for container in pod.get("containers") or []:
        if container["name"] in OWNED_ITEMS["containers"]:
            yield from _server_references(container)
        else:
            yield from _container_references(container, "podTemplate.spec.containers")


def _volume_references(volume: Mapping[str, Any]) -> Iterator[_Reference]:
    is_ours = volume["name"].startswith(tuple(OWNED_ITEMS["volumes"]))
    key = "podTemplate.spec.volumes"
    if is_ours:
        key = "model.source"
    for source, field, kind in _VOLUME_SOURCES:
        reference = volume.get(source) or {}
        if reference.get(field) and not reference.get("optional"):
            yield _Reference(kind, str(reference[field]), key)


def _init_container_key(container: Mapping[str, Any]) -> str:
    """The key of the stack file that an init container follows from."""
    return OWNED_ITEMS["initContainers"].get(
        container["name"], "podTemplate.spec.initContainers"
    )


def _container_references(
    container: Mapping[str, Any], key: str
) -> Iterator[_Reference]:
    """The objects that the environment of a container refers to; all of them come from one key of the stack file."""
    for variable in container.get("env") or []:
        yield from _variable_references(variable.get("valueFrom") or {}, key)
    for source in container.get("envFrom") or []:
        yield from _variable_references(source, key)


def _server_references(container: Mapping[str, Any]) -> Iterator[_Reference]:
    """The objects that the environment of the server refers to."""
    for variable in container.get("env") or []:
        name = variable.get("name")
        key = f"env.{name}"
        if name == "VLLM_API_KEY":
            key = "server.apiKey"
        yield from _variable_references(variable.get("valueFrom") or {}, key)
    for source in container.get("envFrom") or []:
        yield from _variable_references(source, "podTemplate.spec.containers")


def _variable_references(source: Mapping[str, Any], key: str) -> Iterator[_Reference]:
    for field, kind in _VARIABLE_SOURCES.items():
        reference = source.get(field) or {}
        if reference.get("name") and not reference.get("optional"):
            yield _Reference(kind, str(reference["name"]), key)
