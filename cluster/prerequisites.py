"""What the pods of a stack name that has to be in the cluster already: Secrets, classes, claims, accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.manifests import service_objects, stack_objects
from models.manifests.pod_fields import OWNED_ITEMS
from models.service.resolved import ResolvedService, ResolvedStack


@dataclass(frozen=True)
class Needed:
    """An object that the pods of a service name."""

    kind: str
    name: str
    service: str
    field: str
    """The key of the stack file that names it."""


def needed(stack: ResolvedStack) -> list[Needed]:
    """Everything that pods name and the stack does not make, each once."""
    made = {(item["kind"], item["metadata"]["name"]) for item in stack_objects(stack)}
    made |= {("Secret", one.name) for one in stack.secrets}
    found = [one for service in stack.services for one in _of_service(service)]
    return [one for one in dict.fromkeys(found) if (one.kind, one.name) not in made]


def _of_service(service: ResolvedService) -> Iterator[Needed]:
    pods = next(item for item in service_objects(service) if item["kind"] == "Deployment")
    for kind, name, field in _named(pods["spec"]["template"]["spec"]):
        yield Needed(kind, name, service.name, field)


def _named(pod: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Kind and name of all that a pod's spec names, and the key of the stack file that does."""
    for field, kind, key in (
        ("priorityClassName", "PriorityClass", "priorityClass"),
        ("runtimeClassName", "RuntimeClass", "podTemplate.spec.runtimeClassName"),
        ("serviceAccountName", "ServiceAccount", "podTemplate.spec.serviceAccountName"),
    ):
        if name := pod.get(field):
            yield kind, str(name), key
    for one in pod.get("imagePullSecrets") or []:
        yield "Secret", str(one["name"]), "pullSecrets"
    for volume in pod.get("volumes") or []:
        yield from _of_volume(volume)
    for part in ("initContainers", "containers"):
        for container in pod.get(part) or []:
            ours = part == "containers" and container["name"] in OWNED_ITEMS[part]
            step = OWNED_ITEMS[part].get(container["name"], f"podTemplate.spec.{part}")
            yield from _of_container(container, "" if ours else step)


def _of_volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for source, key, kind in (
        ("secret", "secretName", "Secret"),
        ("configMap", "name", "ConfigMap"),
        ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
    ):
        held = volume.get(source) or {}
        if held.get(key) and not held.get("optional"):
            ours = any(volume["name"].startswith(own) for own in OWNED_ITEMS["volumes"])
            yield kind, str(held[key]), "model.source" if ours else "podTemplate.spec.volumes"


def _of_container(container: Mapping[str, Any], field: str) -> Iterator[tuple[str, str, str]]:
    kinds = {
        "secretKeyRef": "Secret",
        "configMapKeyRef": "ConfigMap",
        "secretRef": "Secret",
        "configMapRef": "ConfigMap",
    }
    for variable in container.get("env") or []:
        name = str(variable.get("name"))
        key = field or ("server.apiKey" if name == "VLLM_API_KEY" else f"env.{name}")
        yield from _referred(variable.get("valueFrom") or {}, kinds, key)
    for source in container.get("envFrom") or []:
        yield from _referred(source, kinds, field)


def _referred(source: Mapping[str, Any], kinds: Mapping[str, str], field: str) -> Iterator[tuple[str, str, str]]:
    for key, kind in kinds.items():
        held = source.get(key) or {}
        if held.get("name") and not held.get("optional"):
            yield kind, str(held["name"]), field
