"""Differences between two Deployments. The content of the launch ConfigMap is compared in `launch`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.manifests.launch_map import VOLUME
from models.secret_reference import CreatedSecret, NamespaceSecret
from models.service.resolved import ResolvedService
from models.stack_file.keys.environment import PodField
from review.changes import Detail
from review.deployment_fields import (
    DEPLOYMENT_FIELDS,
    MOUNT_FIELDS,
    NODES,
    POD_TEMPLATE_FIELDS,
    READ_ONLY_ROOT,
    NamedField,
    changed_field,
)
from review.leaves import Leaves, differing
from review.origins import place, variable_source
from review.pod_template import patch_detail
from review.service_pair import ServicePair

_TEMPLATE = "spec.template."
_LAUNCH_MAP = f"{_TEMPLATE}spec.volumes[{VOLUME}].configMap.name"
_CONTAINER = r"spec\.containers\[ascend-vllm\]"

_VARIABLE = re.compile(rf"{_CONTAINER}\.env\[(.+?)\]")
_VOLUME = re.compile(rf"(?:{_CONTAINER}\.volumeMounts|spec\.volumes)\[(.+?)\]")
_INIT_CONTAINER = re.compile(r"spec\.initContainers\[(.+?)\]\.?(\w*)")

_INIT_CONTAINER_FIELDS = {
    "install-mindspeed": "mindSpeed.kind",
    "convert-eagle": "speculative.convert",
    "verify-model": "model.verify",
    "preflight": "preflight",
    "preflight-weights": "preflight",
}
"""Name of an init container and the field of the stack file that adds it. `model.source` adds the others."""


@dataclass(frozen=True)
class DeploymentPair:
    """An old and a new Deployment, and the services that they belong to."""

    services: ServicePair
    old: Leaves
    new: Leaves


def deployment_details(pair: DeploymentPair) -> Iterator[Detail]:
    """One detail for each difference between two Deployments. A detail of the pod template restarts the pods."""
    known: set[tuple[str, str]] = set()
    for path, before, after in differing(pair.old, pair.new):
        if path == _LAUNCH_MAP:
            continue
        detail = _detail(pair, path, before, after=after)
        if detail is None or (detail.part, detail.name) in known:
            continue
        known.add((detail.part, detail.name))
        yield detail


def nodes_detail(services: ServicePair) -> Detail:
    """The change of the number of nodes, from which everything else in another kind of object follows."""
    return _field_detail(services, NODES, restarts=True)


def _detail(
    pair: DeploymentPair,
    path: str,
    before: str | None,
    after: str | None,
) -> Detail | None:
    if path.startswith(_TEMPLATE):
        inner_path = path.removeprefix(_TEMPLATE)
        return _pod_template_detail(pair, inner_path, before, after=after)
    field = changed_field(
        DEPLOYMENT_FIELDS, path, pair.services.old, new=pair.services.new
    )
    if field:
        return _field_detail(pair.services, field, restarts=False)
    return _unnamed_detail(path, before, after, restarts=False)


def _pod_template_detail(
    pair: DeploymentPair,
    path: str,
    before: str | None,
    after: str | None,
) -> Detail | None:
    """A difference at a path below the pod template. None: another detail explains it."""
    services = pair.services
    named = patch_detail(services, path) or _named_detail(services, path)
    if named:
        return named
    volume = _VOLUME.match(path)
    if volume:
        return _mount_detail(pair, volume[1])
    init_container = _INIT_CONTAINER.match(path)
    if init_container:
        return _init_container_detail(pair, init_container[1], init_container[2])
    return _unnamed_detail(path, before, after, restarts=True)


def _named_detail(services: ServicePair, path: str) -> Detail | None:
    """A difference in a variable, or in a field that users know by a name."""
    if changed_field((READ_ONLY_ROOT,), path, services.old, new=services.new):
        return _field_detail(services, READ_ONLY_ROOT, restarts=True)
    variable = _VARIABLE.match(path)
    if variable:
        return _variable_detail(services, variable[1])
    field = changed_field(POD_TEMPLATE_FIELDS, path, services.old, new=services.new)
    if field:
        return _field_detail(services, field, restarts=True)
    return None


def _field_detail(
    services: ServicePair, field: NamedField, *, restarts: bool
) -> Detail:
    old = field.value(services.old)
    new = field.value(services.new)
    because = field.because
    if not because:
        because = services.field(field.stack_field or field.name, gone=new is None)
    return Detail(
        part=field.part,
        name=field.name,
        old=old,
        new=new,
        because=because,
        restarts=restarts,
    )


def _unnamed_detail(
    path: str,
    before: str | None,
    after: str | None,
    *,
    restarts: bool,
) -> Detail:
    if path == "spec.progressDeadlineSeconds":
        because = "startup, drain, model.preparation and 10 minutes for the image"
    elif "nodeSelector" in path or "resources" in path:
        because = "cluster.platform"
    else:
        because = "the program"
    return Detail(
        part="pod",
        name=path.removeprefix("spec."),
        old=before,
        new=after,
        because=because,
        restarts=restarts,
    )


def _variable_detail(services: ServicePair, name: str) -> Detail:
    """A variable of the container. Its value is in a Secret or a field of the pod, which the detail names."""
    old = _reference(services.old, name)
    new = _reference(services.new, name)
    because = services.because(variable_source, name, gone=new is None)
    if (
        isinstance(old, CreatedSecret)
        and isinstance(new, CreatedSecret)
        and old.config == new.config
    ):
        # The reference is the same, so the secret value in the stack's configuration changed.
        because = place(services.new_stack, (new.config,)) or because
    part, shown_name = "environment", name
    if name == "VLLM_API_KEY":
        part, shown_name = "API key", "API key"
    return Detail(
        part=part,
        name=shown_name,
        old=_reference_text(old),
        new=_reference_text(new),
        because=because,
        restarts=True,
        is_reference=True,
    )


def _reference(
    service: ResolvedService, variable: str
) -> NamespaceSecret | PodField | None:
    """Where the value of a variable of the container comes from."""
    if variable in service.field_env:
        return service.field_env[variable]
    if variable in service.secret_env:
        return service.secret_env[variable]
    if variable == "VLLM_API_KEY":
        return service.server.api_key
    return None


def _reference_text(reference: NamespaceSecret | PodField | None) -> str | None:
    if reference is None:
        return None
    return str(reference)


def _mount_detail(pair: DeploymentPair, volume: str) -> Detail:
    """A volume: where its data comes from, and where the container mounts it."""
    old = _mount_text(pair.old, volume)
    new = _mount_text(pair.new, volume)
    because = "cluster.platform"
    for beginning, field in MOUNT_FIELDS.items():
        if volume.startswith(beginning):
            because = pair.services.field(field, gone=new is None)
            break
    return Detail(
        part="mounts",
        name=f"mount {volume}",
        old=old,
        new=new,
        because=because,
        restarts=True,
    )


def _mount_text(deployment: Leaves, volume: str) -> str | None:
    mount_path = deployment.get(
        f"{_TEMPLATE}spec.containers[ascend-vllm].volumeMounts[{volume}].mountPath"
    )
    source = _volume_source(deployment, volume)
    if source is None:
        return mount_path
    if mount_path is None or mount_path == source:
        return source
    return f"{source}, mounted at {mount_path}"


def _volume_source(deployment: Leaves, volume: str) -> str | None:
    """The node directory or the claim of a volume, with the mounted subdirectory."""
    source = deployment.get(f"{_TEMPLATE}spec.volumes[{volume}].hostPath.path")
    claim = deployment.get(
        f"{_TEMPLATE}spec.volumes[{volume}].persistentVolumeClaim.claimName"
    )
    if claim:
        source = f"claim {claim}"
    sub_path = deployment.get(
        f"{_TEMPLATE}spec.containers[ascend-vllm].volumeMounts[{volume}].subPath"
    )
    if source and sub_path:
        source = f"{source}/{sub_path}"
    return source


def _init_container_detail(pair: DeploymentPair, name: str, key: str) -> Detail | None:
    """An init container that is added, removed or changed.

    Its image and its mounts are those of the server. Their change has its own detail.
    """
    existed = _has_init_container(pair.old, name)
    exists = _has_init_container(pair.new, name)
    if existed == exists:
        if key == "env":
            return _init_container_keys_detail(pair, name)
        if key in ("image", "volumeMounts", "args"):
            return None
    field = _INIT_CONTAINER_FIELDS.get(name, "model.source")
    return Detail(
        part="init containers",
        name=f"init container {name}",
        old="" if existed else None,
        new="" if exists else None,
        because=pair.services.field(field, gone=not exists),
        restarts=True,
    )


def _has_init_container(deployment: Leaves, name: str) -> bool:
    return f"{_TEMPLATE}spec.initContainers[{name}].image" in deployment


def _init_container_keys_detail(pair: DeploymentPair, name: str) -> Detail:
    old = _init_container_keys(pair.old, name)
    new = _init_container_keys(pair.new, name)
    return Detail(
        part="init containers",
        name=f"keys of {name}",
        old=old,
        new=new,
        because=pair.services.field("model.source", gone=new is None),
        restarts=True,
        is_reference=True,
    )


def _init_container_keys(deployment: Leaves, name: str) -> str | None:
    """The keys of Secrets in the environment of an init container."""
    variables = re.escape(f"{_TEMPLATE}spec.initContainers[{name}].env[")
    reference = re.compile(rf"{variables}.*secretKeyRef\.(?:name|key)")
    values = [value for path, value in deployment.items() if reference.fullmatch(path)]
    names = values[::2]
    keys = values[1::2]
    secrets = []
    for name_of_secret, key in zip(names, keys, strict=True):
        secrets.append(f"Secret {name_of_secret}, key {key}")
    return "; ".join(secrets) or None
