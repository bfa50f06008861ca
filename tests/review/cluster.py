"""Objects as the API server stores them, with its defaults and with their field managers."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from models.manifests import stack_objects
from models.service.resolved import ResolvedStack
from review.drift import Drift, Live, drifted
from review.field_managers import OUR_NAME

APPLIED, EDITED = "2026-11-20T08:00:00Z", "2026-11-22T12:00:00Z"
ATOMIC = (
    "nodeSelector",
    "selector",
    "command",
    "args",
    "tolerations",
    "ingress",
    "egress",
    "podMetricsEndpoints",
    "rules",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
ITEM_KEYS = {"volumeMounts": ("mountPath",), "ports": ("port", "containerPort", "protocol")}
CONTAINER = ("spec", "template", "spec", "containers", 0)

Item = dict[str, Any]


def fields_of(value: Any, name: str = "") -> Any:
    """What `fieldsV1` says of somebody who set all of a value."""
    if isinstance(value, dict) and name not in ATOMIC:
        return {f"f:{key}": fields_of(below, key) for key, below in value.items()}
    if isinstance(value, list) and name not in ATOMIC and all(isinstance(item, dict) for item in value):
        return {item_key(item, name): {".": {}, **fields_of(item)} for item in value}
    return {}


def item_key(item: Item, name: str) -> str:
    keys = {key: item[key] for key in ITEM_KEYS.get(name, ("name",)) if key in item}
    return "k:" + json.dumps(keys)


def entry(name: str, fields: Any, operation: str = "Update", subresource: str = "", time: str = EDITED) -> Item:
    """An entry of `managedFields`."""
    return {
        "manager": name,
        "operation": operation,
        "fieldsV1": fields,
        **({"subresource": subresource} if subresource else {}),
        **({"time": time} if time else {}),
    }


def applied(item: Mapping[str, Any]) -> Item:
    """An object as `pulumi up` leaves it."""
    made: Item = copy.deepcopy(dict(item))
    given = {key: value for key, value in made.items() if key in ("spec", "data", "immutable")}
    metadata = {key: made["metadata"][key] for key in ("labels", "annotations") if key in made["metadata"]}
    ours = fields_of({**given, "metadata": metadata})
    made["metadata"] |= {"uid": "u", "generation": 1, "managedFields": [entry(OUR_NAME, ours, "Apply", time=APPLIED)]}
    if made["kind"] == "Deployment":
        made["spec"] |= {"revisionHistoryLimit": 10}
        pod = made["spec"]["template"]["spec"]
        made["spec"]["template"]["spec"] = {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", **pod}
        made["spec"].setdefault("replicas", 1)
        status = {"f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}, "f:status": {}}
        made["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
        made["metadata"]["managedFields"].append(entry("kube-controller-manager", status, subresource="status"))
    if made["kind"] == "Service":
        made["spec"] = {"clusterIP": "10.0.0.1", "type": "ClusterIP", "sessionAffinity": "None", **made["spec"]}
    return made


def edit(item: Item, path: tuple[str | int, ...], value: Any, by: str = "kubectl-edit", **how: str) -> None:
    """Set a value, or take it away with None, as somebody does by an update."""
    holder: Any = item
    for key in path[:-1]:
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
    last = path[-1]
    if value is None:
        holder.pop(last)
    elif isinstance(holder, list):
        holder.insert(int(last), value)
    else:
        holder[last] = value
    steps = _steps(item, path)
    for one in item["metadata"]["managedFields"]:
        _forget(one["fieldsV1"], steps)
    if value is not None:
        whole = {".": {}, **fields_of(value)} if steps[-1].startswith("k:") else fields_of(value, str(last))
        for step in reversed(steps):
            whole = {step: whole}
        item["metadata"]["managedFields"].append(entry(by, whole, **how))


def _steps(item: Item, path: tuple[str | int, ...]) -> list[str]:
    steps, here, name = [], item, ""
    for key in path:
        if isinstance(key, int):
            steps.append(item_key(here[key], name))  # type: ignore[index]
            here = here[key]  # type: ignore[index]
        else:
            steps.append(f"f:{key}")
            here, name = here.get(key, {}), key
    return steps


def _forget(fields: Any, steps: list[str]) -> None:
    for step in steps[:-1]:
        fields = fields.get(step, {})
    fields.pop(steps[-1], None)


class Kube:
    """The objects of a stack in a cluster, to be changed by hand."""

    def __init__(self, stack: ResolvedStack) -> None:
        self.objects = [applied(item) for item in stack_objects(stack)]

    def one(self, kind: str, name: str = "") -> Item:
        return next(item for item in self.objects if item["kind"] == kind and name in item["metadata"]["name"])

    def delete(self, kind: str, name: str = "") -> None:
        self.objects.remove(self.one(kind, name))

    def drift(self, stack: ResolvedStack, **known: Any) -> Drift:
        return drifted([*stack_objects(stack)], Live(self.objects, **known))
