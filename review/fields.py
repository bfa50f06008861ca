"""What differs between an object as it is wanted and as it is, on the fields that the program or a hand has given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.record import parse_quantity
from review.owners import Manager, Managers, are_by_item, at_item, at_key, managers

_ITEM_KEYS = {"volumeMounts": "mountPath"}
"""What items of lists are known by, where it is not their name."""

_FILLED_IN: dict[str, tuple[Any, ...]] = {
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
"""What the API server fills in where nothing is given; who writes a whole object owns it too."""

_GIVEN_OUT = (
    *("clusterIP", "clusterIPs", "ipFamilies", "nodePort", "finalizers"),
    *("storageClassName", "volumeName", "volumeMode"),
    *("healthCheckNodePort", "loadBalancerClass"),
    *("kubernetes.io/metadata.name", "deployment.kubernetes.io/revision"),
)
"""What the API server and its controllers give out."""

_IS_AMOUNT = re.compile(r".*\.(resources\.(requests|limits)|capability)\..*|.*\.sizeLimit")


@dataclass(frozen=True)
class FieldDrift:
    """A field that is not as the stack gives it."""

    path: str
    """Below the object, as `spec.template.spec.containers[ascend-vllm].image`."""
    live: Any
    """Its value in the cluster; None when it is not there."""
    wanted: Any
    """What the stack gives; None when it does not give the field."""
    by: Manager | None = None
    """Who set it; None when nobody did, as of what is not there."""

    @property
    def restarts(self) -> bool:
        """Whether it is in the template of the pods, so that to restore it replaces them."""
        return self.path.startswith("spec.template.")


def differing_fields(wanted: Any, live: Any) -> Iterator[FieldDrift]:
    """The fields of an object that differ from what is wanted, and those that somebody has set beside.

    Lists are compared as server-side apply merges them: item by item, in any order, where items have a key, and
    else as a whole. What the API server fills in, and what a status says, belongs to nobody and is passed over.

    Args:
        wanted: The object as `render` prints it.
        live: The object as the API server gives it, with its `managedFields`.
    """
    owners = managers(live)
    for part in ("metadata", "spec", "data", "immutable"):
        given, there = wanted.get(part), live.get(part)
        if part == "metadata":
            given, there = (_labels_and_annotations(value) for value in (given, there))
        yield from _compared(given, there, at_key(owners, part), part)


def _labels_and_annotations(metadata: Any) -> dict[str, Any]:
    return {key: metadata[key] for key in ("labels", "annotations") if key in metadata}


def _compared(wanted: Any, live: Any, owners: Managers, path: str) -> Iterator[FieldDrift]:
    if live is None:
        if not _is_empty(wanted):
            yield FieldDrift(path, None, wanted)
    elif isinstance(live, dict) and isinstance(wanted, dict | None):
        given = wanted or {}
        for key in dict.fromkeys([*given, *live]):
            below = at_key(owners, key)
            if key in given or (below and not _is_filled_in(key, live[key])):
                yield from _compared(given.get(key), live.get(key), below, f"{path}.{key}")
    elif isinstance(live, list) and _goes_by_item(wanted, live, owners):
        yield from _compared_items(wanted or [], live, owners, path)
    elif not (_IS_AMOUNT.fullmatch(path) and _amount(wanted) == _amount(live)) and not are_alike(wanted, live):
        yield FieldDrift(path, live, wanted, _latest(owners))


def _is_filled_in(key: str, value: Any) -> bool:
    return key in _GIVEN_OUT or value in _FILLED_IN.get(key, ())


def _goes_by_item(wanted: Any, live: list[Any], owners: Managers) -> bool:
    if not all(isinstance(item, dict) for item in [*(wanted or []), *live]):
        return False
    return are_by_item(owners) or (bool(wanted) and all("name" in item for item in wanted))


def _compared_items(wanted: list[Any], live: list[Any], owners: Managers, path: str) -> Iterator[FieldDrift]:
    key = _ITEM_KEYS.get(path.rpartition(".")[2], "name")
    there = {item.get(key): item for item in live}
    for item in wanted:
        found = there.pop(item.get(key), None)
        yield from _compared(item, found, at_item(owners, found), f"{path}[{item.get(key)}]")
    for name, extra in there.items():
        below = at_item(owners, extra)
        if adder := next((owner for owner in below if owner.owns_item), None):
            yield FieldDrift(f"{path}[{name}]", extra, None, adder)


def are_alike(wanted: Any, live: Any) -> bool:
    """Whether two values mean the same to the API server; what it fills in below items of a list does not count."""
    if isinstance(wanted, list) and isinstance(live, list):
        return len(wanted) == len(live) and all(map(are_alike, wanted, live))
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(are_alike(value, live.get(key)) for key, value in wanted.items())
    return bool(wanted == live) or (_is_empty(wanted) and _is_empty(live))


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ({}, [], "")


def _amount(value: Any) -> Any:
    """A quantity as a number, so that `1024Mi` equals `1Gi`. A value that is no quantity stays unchanged."""
    try:
        return parse_quantity(str(value))
    except ValueError:
        return value


def _latest(owners: Managers) -> Manager | None:
    """Who set a field last; those who set the same value own it together."""
    return max(owners, key=lambda owner: (not owner.is_ours, owner.time), default=None)
