"""What is in the cluster and not as the stack has it: fields, objects that are gone, objects too many."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.manifests.launch_map import VOLUME
from models.manifests.metadata import INSTANCE_LABEL, NAME, NAME_LABEL, Manifest
from models.manifests.pod import CONTAINER
from review.fields import FieldDrift, differing_fields

Object = Mapping[str, Any]
"""A Kubernetes object as JSON has it."""

State = Literal["changed", "deleted", "missing", "extra"]

Cause = Literal["by hand", "program", "not applied", "unknown"]

Key = tuple[str, str]
"""Kind and name of an object."""

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation by which `kubectl rollout restart` replaces pods."""

_OWN_CONTAINER = f"spec.template.spec.containers[{CONTAINER}]."
_TRACES = ("kubectl.kubernetes.io/last-applied-configuration", RESTARTED)


@dataclass(frozen=True)
class Live:
    """The objects of a stack as they are in its cluster."""

    objects: Sequence[Object]
    """Those that carry the program's label, and those that the stack names."""
    autoscaled: frozenset[str] = frozenset()
    """Deployments whose replicas a HorizontalPodAutoscaler sets."""
    elsewhere: frozenset[str] = frozenset()
    """Services that other stacks have in the same namespace."""


@dataclass(frozen=True)
class ObjectDrift:
    """An object that is not as the stack has it."""

    kind: str
    name: str
    service: str
    """The service that it belongs to; empty for the namespace and for queues."""
    state: State
    """`deleted`: others of its service are there; `missing`: none is. `extra`: the stack does not give it."""
    fields: tuple[FieldDrift, ...] = ()
    """What differs, where the object is there."""
    instead_of: str = ""
    """The name that the stack gives it; of a launch map, whose name is made of its content."""

    @property
    def restarts(self) -> bool:
        """Whether to restore it replaces the pods of its service."""
        return self.kind == "Deployment" and any(field.restarts for field in self.fields)


@dataclass(frozen=True)
class Drift:
    """How far a cluster is from a stack."""

    objects: tuple[ObjectDrift, ...]
    others: tuple[tuple[str, str, FieldDrift], ...] = ()
    """What others have set where the stack says nothing or leaves it to them, by kind and name; it is no drift."""


def drifted(wanted: Sequence[Manifest], live: Live) -> Drift:
    """How far a cluster is from what a stack gives; pure.

    Args:
        wanted: The objects of the stack, as `render` prints them.
        live: Those of the cluster.
    """
    there = {_key(item): item for item in live.objects}
    pairs = [(item, there.get(_key(item)) or _in_its_place(item, there)) for item in wanted]
    fields = {_key(item): [*differing_fields(item, present)] for item, present in pairs if present}
    others = {key: [one for one in found if _is_of_others(one, key, live)] for key, found in fields.items()}
    mine = {key: [one for one in found if one not in others[key]] for key, found in fields.items()}
    deployed = {service_of(item) for item in live.objects} - {""}
    differing = (_differing(item, present, mine.get(_key(item), ()), deployed) for item, present in pairs)
    known = {_key(present) for _, present in pairs if present}
    extras = (item for key, item in there.items() if key not in known)
    return Drift(
        (*filter(None, differing), *_extras(extras, live)),
        tuple((*key, one) for key, found in others.items() for one in found if _is_named(one, key)),
    )


def _is_named(field: FieldDrift, key: Key) -> bool:
    """Whether what others own is worth a line: in the specs of services, not what Volcano writes to queues."""
    return key[0] in ("Deployment", "Service") and field.path.startswith("spec.")


def _differing(
    wanted: Manifest, present: Object | None, fields: Sequence[FieldDrift], deployed: Collection[str]
) -> ObjectDrift | None:
    (kind, name), service = _key(wanted), service_of(wanted)
    if present is None:
        return ObjectDrift(kind, name, service, "deleted" if service in deployed else "missing")
    there = _key(present)[1]
    if not fields and there == name:
        return None
    return ObjectDrift(kind, there, service, "changed", tuple(fields), name if there != name else "")


def _in_its_place(wanted: Manifest, there: Mapping[Key, Object]) -> Object | None:
    """The launch map that the Deployment uses in the place of the one that is wanted."""
    if wanted["kind"] != "ConfigMap":
        return None
    deployment = there.get(("Deployment", service_of(wanted)))
    return there.get(("ConfigMap", launch_map_of(deployment))) if deployment else None


def launch_map_of(deployment: Object) -> str:
    """The name of the launch map that a Deployment uses; empty when it uses none."""
    volumes = deployment["spec"]["template"]["spec"].get("volumes") or []
    maps = (volume.get("configMap") or {} for volume in volumes if volume.get("name") == VOLUME)
    return next((str(found.get("name") or "") for found in maps), "")


def _extras(items: Iterable[Object], live: Live) -> Iterator[ObjectDrift]:
    """Objects with the program's label that the stack does not give."""
    for item in items:
        service = service_of(item)
        if service and service not in live.elsewhere:
            yield ObjectDrift(*_key(item), service, "extra")


def _is_of_others(field: FieldDrift, key: Key, live: Live) -> bool:
    """Whether somebody else has a right to a field: an autoscaler to replicas, a program to what the stack does not
    give. What is in the server's own container is given by the stack alone."""
    kind, name = key
    if (kind, field.path) == ("Deployment", "spec.replicas"):
        return field.wanted is None or name in live.autoscaled or bool(field.by and field.by.is_autoscaler)
    if any(word in field.path for word in _TRACES):
        return True
    if field.wanted is not None or field.by is None or field.path.startswith(_OWN_CONTAINER):
        return False
    return not (field.by.is_kubectl or (field.by.is_ours and field.by.operation == "Apply"))


def service_of(item: Object) -> str:
    """The service that an object belongs to by its labels; empty when it belongs to none."""
    labels = item["metadata"].get("labels") or {}
    return str(labels.get(INSTANCE_LABEL) or "") if labels.get(NAME_LABEL) == NAME else ""


def _key(item: Object) -> Key:
    return item["kind"], item["metadata"]["name"]


def cause(field: FieldDrift) -> Cause:
    """How a field came to be what it is; nobody knows of what is gone."""
    if field.by is None:
        return "unknown"
    if field.by.is_ours:
        return "not applied"
    return "by hand" if field.by.is_kubectl else "program"


def is_restored(field: FieldDrift) -> bool:
    """Whether an update of the object makes it what the stack gives: not what a program other than kubectl added."""
    return field.wanted is not None or cause(field) != "program"


def is_seen_by_refresh(one: ObjectDrift) -> bool:
    """Whether `pulumi up --refresh` updates an object by itself: not one to which a hand has only added (provider 4.18,
    run on the sandbox), until something of the stack's own differs too."""
    given = (field.wanted is not None or cause(field) == "not applied" for field in one.fields)
    return one.state != "changed" or bool(one.instead_of) or any(given)
