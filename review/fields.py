"""Fields in which an object of the cluster differs from the stack. Defaults of the API server are not differences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.record import parse_quantity
from review.comparable import is_in_template
from review.field_managers import (
    FieldManager,
    FieldManagers,
    are_by_item,
    at_item,
    at_key,
    field_managers,
)

_MERGE_KEYS = {"volumeMounts": "mountPath"}
"""Name of a list and the key that identifies its items. The other lists use `name`."""

_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "protocol": ("TCP",),
    "scheme": ("HTTP",),
    "successThreshold": (1,),
    "failureThreshold": (3,),
    "timeoutSeconds": (1,),
    "periodSeconds": (10,),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "imagePullPolicy": ("IfNotPresent", "Always"),
    "dnsPolicy": ("ClusterFirst",),
    "restartPolicy": ("Always",),
    "revisionHistoryLimit": (10,),
    "sessionAffinity": ("None",),
    "type": ("ClusterIP",),
    "internalTrafficPolicy": ("Cluster",),
    "ipFamilyPolicy": ("SingleStack",),
    "externalTrafficPolicy": ("Cluster",),
    "allocateLoadBalancerNodePorts": (True,),
}
"""Default values that the API server sets. A manager that writes the whole object owns them too."""

_ASSIGNED = (
    "clusterIP",
    "clusterIPs",
    "ipFamilies",
    "nodePort",
    "finalizers",
    "storageClassName",
    "volumeName",
    "volumeMode",
    "healthCheckNodePort",
    "loadBalancerClass",
    "kubernetes.io/metadata.name",
    "deployment.kubernetes.io/revision",
)
"""Fields whose values the API server and its controllers assign."""

_QUANTITY_PATH = re.compile(
    r".*\.(resources\.(requests|limits)|capability)\..*|.*\.sizeLimit"
)


@dataclass(frozen=True)
class FieldDrift:
    """A field that differs from the stack."""

    path: str
    """Below the object, such as `spec.template.spec.containers[ascend-vllm].image`."""
    live: Any
    """Its value in the cluster. None: it does not exist."""
    wanted: Any
    """Its value in the stack. None: the stack does not set it."""
    by: FieldManager | None = None
    """The manager that set it last. None: unknown, for example because the field was removed."""

    @property
    def restarts(self) -> bool:
        """Whether restoring the field replaces pods, because it is part of the pod template."""
        return is_in_template(self.path)


def differing_fields(
    wanted: Mapping[str, Any], live: Mapping[str, Any]
) -> Iterator[FieldDrift]:
    """The fields that differ from the stack, and those that a field manager added.

    Lists are compared as server-side apply merges them. Lists with a merge key are compared item by item, in any order,
    other lists as a whole. The status and defaults of the API server are ignored.

    Args:
        wanted: The object as `render` prints it.
        live: The object from the API server, with its `managedFields`.
    """
    managers = field_managers(live)
    yield from _compare(
        _labels_and_annotations(wanted["metadata"]),
        _labels_and_annotations(live["metadata"]),
        managers=at_key(managers, "metadata"),
        path="metadata",
    )
    for section in ("spec", "data", "immutable"):
        yield from _compare(
            wanted.get(section),
            live.get(section),
            managers=at_key(managers, section),
            path=section,
        )


def _labels_and_annotations(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: metadata[key] for key in ("labels", "annotations") if key in metadata}


def _compare(
    wanted: Any,
    live: Any,
    managers: FieldManagers,
    path: str,
) -> Iterator[FieldDrift]:
    if live is None:
        if not _is_empty(wanted):
            yield FieldDrift(path, live=None, wanted=wanted)
    elif isinstance(live, dict) and isinstance(wanted, dict | None):
        yield from _compare_mappings(wanted or {}, live, managers, path=path)
    elif isinstance(live, list) and _is_merged_by_item(wanted, live, managers):
        yield from _compare_items(wanted or [], live, managers, path=path)
    elif not _are_equal(wanted, live, path):
        yield FieldDrift(
            path=path,
            live=live,
            wanted=wanted,
            by=_last_manager(managers),
        )


def _compare_mappings(
    wanted: Mapping[str, Any],
    live: Mapping[str, Any],
    managers: FieldManagers,
    path: str,
) -> Iterator[FieldDrift]:
    for key in dict.fromkeys([*wanted, *live]):
        managers_below = at_key(managers, key)
        is_added = bool(managers_below) and not _is_default(key, live.get(key))
        if key in wanted or is_added:
            yield from _compare(
                wanted.get(key),
                live.get(key),
                managers=managers_below,
                path=f"{path}.{key}",
            )


def _is_default(key: str, value: Any) -> bool:
    return key in _ASSIGNED or value in _DEFAULTS.get(key, ())


def _is_merged_by_item(wanted: Any, live: list[Any], managers: FieldManagers) -> bool:
    wanted_items = wanted or []
    if not all(isinstance(item, dict) for item in [*wanted_items, *live]):
        return False
    if are_by_item(managers):
        return True
    return bool(wanted_items) and all("name" in item for item in wanted_items)


def _compare_items(
    wanted: list[Any],
    live: list[Any],
    managers: FieldManagers,
    path: str,
) -> Iterator[FieldDrift]:
    list_name = path.rpartition(".")[2]
    merge_key = _MERGE_KEYS.get(list_name, "name")
    live_items = {item.get(merge_key): item for item in live}
    for item in wanted:
        name = item.get(merge_key)
        live_item = live_items.pop(name, None)
        yield from _compare(
            item,
            live_item,
            managers=at_item(managers, live_item),
            path=f"{path}[{name}]",
        )
    for name, added_item in live_items.items():
        adders = [
            manager for manager in at_item(managers, added_item) if manager.owns_item
        ]
        if adders:
            yield FieldDrift(
                path=f"{path}[{name}]",
                live=added_item,
                wanted=None,
                by=adders[0],
            )


def _are_equal(wanted: Any, live: Any, path: str) -> bool:
    if _QUANTITY_PATH.fullmatch(path) and _quantity(wanted) == _quantity(live):
        return True
    return _are_alike(wanted, live)


def _are_alike(wanted: Any, live: Any) -> bool:
    """Whether two values mean the same to the API server. Defaults that it sets inside list items are ignored."""
    if isinstance(wanted, list) and isinstance(live, list):
        if len(wanted) != len(live):
            return False
        pairs = zip(wanted, live, strict=True)
        return all(
            _are_alike(wanted_item, live_item) for wanted_item, live_item in pairs
        )
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(_are_alike(value, live.get(key)) for key, value in wanted.items())
    if _is_empty(wanted) and _is_empty(live):
        return True
    return bool(wanted == live)


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ({}, [], "")


def _quantity(value: Any) -> Any:
    """A quantity as a number: `1024Mi` equals `1Gi`. Another value is returned unchanged."""
    try:
        return parse_quantity(str(value))
    except ValueError:
        return value


def _last_manager(managers: FieldManagers) -> FieldManager | None:
    """The manager that set a field last. Other managers take precedence over us: the same value has several owners."""
    if not managers:
        return None
    return max(managers, key=lambda manager: (not manager.is_ours, manager.time))
