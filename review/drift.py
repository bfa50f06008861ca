"""Differences between a cluster and a stack: changed fields, deleted objects and additional objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.manifests.launch_map import VOLUME
from models.manifests.metadata import INSTANCE_LABEL, NAME, NAME_LABEL, Manifest
from models.manifests.pod import CONTAINER
from models.manifests.workload import serving_template
from review.comparable import WORKLOADS, deployment_path, workload_of
from review.fields import FieldDrift, differing_fields

Object = Mapping[str, Any]
"""A Kubernetes object from the API server."""

State = Literal["changed", "deleted", "missing", "extra"]

Cause = Literal["by hand", "program", "not applied", "unknown"]

Key = tuple[str, str]
"""Kind and name of an object."""

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation that `kubectl rollout restart` sets."""

_SERVER_CONTAINER = f"spec.template.spec.containers[{CONTAINER}]."
_KUBECTL_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration", RESTARTED)


@dataclass(frozen=True)
class Live:
    """The objects of a stack in its cluster."""

    objects: Sequence[Object]
    """The objects with the program's label, and the objects that the stack names."""
    autoscaled: frozenset[str] = frozenset()
    """Deployments and LeaderWorkerSets whose replicas a HorizontalPodAutoscaler sets."""
    elsewhere: frozenset[str] = frozenset()
    """Services of other stacks in the same namespace."""


@dataclass(frozen=True)
class ObjectDrift:
    """An object that differs from the stack."""

    kind: str
    name: str
    service: str
    """The service that it belongs to. Empty: it is the namespace, a queue or a claim."""
    state: State
    """`deleted`: the service has other objects. `missing`: the service has no objects. `extra`: not in the stack."""
    fields: tuple[FieldDrift, ...] = ()
    """The fields that differ, if the state is `changed`."""
    instead_of: str = ""
    """The name in the stack, if it differs. The name of a launch ConfigMap contains a hash of its content."""

    @property
    def restarts(self) -> bool:
        """Whether restoring the object replaces pods of its service."""
        if self.kind not in WORKLOADS:
            return False
        return any(field.restarts for field in self.fields)


@dataclass(frozen=True)
class Drift:
    """The differences between a cluster and a stack."""

    objects: tuple[ObjectDrift, ...]
    others: tuple[tuple[str, str, FieldDrift], ...] = ()
    """Kind and name of an object, and a field that another manager may set. These are not drift."""


@dataclass(frozen=True)
class _ComparedObject:
    """An object of the stack and the object in the cluster."""

    wanted: Manifest
    live: Object | None = None
    """None: it does not exist."""
    drift: Sequence[FieldDrift] = ()
    others: Sequence[FieldDrift] = ()
    """Fields that another manager may set."""

    @property
    def is_changed(self) -> bool:
        """Whether the object in the cluster has other fields or another name."""
        if self.live is None:
            return False
        return bool(self.drift) or _key(self.live) != _key(self.wanted)


def drifted(wanted: Sequence[Manifest], live: Live) -> Drift:
    """Find the differences between a cluster and a stack. Pure.

    Args:
        wanted: The objects of the stack, as `render` prints them.
        live: The objects of the cluster.
    """
    live_objects = {_key(item): item for item in live.objects}
    compared = [_compare(manifest, live_objects, live) for manifest in wanted]
    objects = [
        *_differing_objects(compared, live),
        *_extra_objects(compared, live_objects, live),
    ]
    return Drift(
        objects=tuple(objects),
        others=tuple(_shown_others(compared)),
    )


def _compare(
    wanted: Manifest,
    live_objects: Mapping[Key, Object],
    live: Live,
) -> _ComparedObject:
    live_object = _live_object(wanted, live_objects)
    if live_object is None:
        return _ComparedObject(wanted)
    drift: list[FieldDrift] = []
    others: list[FieldDrift] = []
    for field in differing_fields(wanted, live_object):
        if _is_of_others(field, _key(wanted), live):
            others.append(field)
        else:
            drift.append(field)
    return _ComparedObject(
        wanted=wanted,
        live=live_object,
        drift=drift,
        others=others,
    )


def _differing_objects(
    compared: Sequence[_ComparedObject], live: Live
) -> Iterator[ObjectDrift]:
    deployed_services = {service_of(item) for item in live.objects} - {""}
    for item in compared:
        if item.live is None:
            yield _missing_object(item.wanted, deployed_services)
        elif item.is_changed:
            live_name = _key(item.live)[1]
            yield _changed_object(item.wanted, live_name, item.drift)


def _shown_others(
    compared: Sequence[_ComparedObject],
) -> Iterator[tuple[str, str, FieldDrift]]:
    for item in compared:
        kind, name = _key(item.wanted)
        for field in item.others:
            if _is_shown(field, kind):
                yield kind, name, field


def _key(item: Object) -> Key:
    return item["kind"], item["metadata"]["name"]


def _live_object(wanted: Manifest, live_objects: Mapping[Key, Object]) -> Object | None:
    """The object with the same name or, for a launch ConfigMap, the ConfigMap that the pods use."""
    live_object = live_objects.get(_key(wanted))
    if live_object is not None or wanted["kind"] != "ConfigMap":
        return live_object
    workload = workload_of(service_of(wanted), live_objects)
    if workload is None:
        return None
    return live_objects.get(("ConfigMap", launch_map_of(workload)))


def launch_map_of(workload: Object) -> str:
    """The name of the launch ConfigMap that the pods of a workload use. Empty: they use none."""
    volumes = serving_template(workload)["spec"].get("volumes") or []
    for volume in volumes:
        if volume.get("name") == VOLUME:
            config_map = volume.get("configMap") or {}
            return str(config_map.get("name") or "")
    return ""


def _missing_object(
    wanted: Manifest, deployed_services: Collection[str]
) -> ObjectDrift:
    kind, name = _key(wanted)
    service = service_of(wanted)
    return ObjectDrift(
        kind=kind,
        name=name,
        service=service,
        state="deleted" if service in deployed_services else "missing",
    )


def _changed_object(
    wanted: Manifest,
    live_name: str,
    fields: Sequence[FieldDrift],
) -> ObjectDrift:
    kind, name = _key(wanted)
    return ObjectDrift(
        kind=kind,
        name=live_name,
        service=service_of(wanted),
        state="changed",
        fields=tuple(fields),
        instead_of="" if live_name == name else name,
    )


def _extra_objects(
    compared: Sequence[_ComparedObject],
    live_objects: Mapping[Key, Object],
    live: Live,
) -> Iterator[ObjectDrift]:
    """Objects with the program's label that the stack does not contain."""
    known = {_key(item.live) for item in compared if item.live is not None}
    for key, item in live_objects.items():
        service = service_of(item)
        if key in known or not service or service in live.elsewhere:
            continue
        kind, name = key
        yield ObjectDrift(kind, name, service, state="extra")


def _is_of_others(field: FieldDrift, key: Key, live: Live) -> bool:
    """Whether another manager may set a field: an autoscaler the replicas, a program what the stack does not set.

    Nobody but the stack may set fields of the server's container.
    """
    kind, name = key
    if kind in WORKLOADS and field.path == "spec.replicas":
        return _are_autoscaled(field, name, live)
    if any(annotation in field.path for annotation in _KUBECTL_ANNOTATIONS):
        return True
    if field.wanted is not None or field.by is None:
        return False
    is_of_server = deployment_path(field.path).startswith(_SERVER_CONTAINER)
    if is_of_server or field.by.is_kubectl:
        return False
    is_from_stack = field.by.is_ours and field.by.operation == "Apply"
    return not is_from_stack


def _are_autoscaled(replicas: FieldDrift, workload: str, live: Live) -> bool:
    if replicas.wanted is None or workload in live.autoscaled:
        return True
    return replicas.by is not None and replicas.by.is_autoscaler


def _is_shown(field: FieldDrift, kind: str) -> bool:
    """Whether a field of another manager is reported. Fields that Volcano writes to queues, for example, are not."""
    return kind in (*WORKLOADS, "Service") and field.path.startswith("spec.")


def service_of(item: Object) -> str:
    """The service in the labels of an object. Empty: it belongs to no service."""
    labels = item["metadata"].get("labels") or {}
    if labels.get(NAME_LABEL) != NAME:
        return ""
    return str(labels.get(INSTANCE_LABEL) or "")


def cause(field: FieldDrift) -> Cause:
    """How a field got its value. Kubernetes does not record who removed a field."""
    if field.by is None:
        return "unknown"
    if field.by.is_ours:
        return "not applied"
    if field.by.is_kubectl:
        return "by hand"
    return "program"


def is_restored(field: FieldDrift) -> bool:
    """Whether an update of the object restores the field. A field that another program added stays."""
    return field.wanted is not None or cause(field) != "program"


def is_seen_by_refresh(drift: ObjectDrift) -> bool:
    """Whether `pulumi up --refresh` updates an object.

    It does not if kubectl only added fields (run on the sandbox with provider 4.18). Then another field of the object
    must differ too.
    """
    if drift.state != "changed" or drift.instead_of:
        return True
    return any(
        field.wanted is not None or cause(field) == "not applied"
        for field in drift.fields
    )
