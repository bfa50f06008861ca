"""Who set the fields of an object: `managedFields`, as the API server keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.manifests.metadata import OURS

OUR_NAME = OURS["pulumi.com/patchFieldManager"]
"""The name that `pulumi up` signs with."""


@dataclass(frozen=True)
class Manager:
    """Somebody who set fields of an object."""

    name: str
    """As the API server knows it: `kubectl-edit`, or the beginning of the program's user agent."""
    operation: str = "Update"
    """`Apply` where it applied a whole object, else `Update`."""
    subresource: str = ""
    """`scale` or `status`, where the fields were set through one."""
    time: str = ""
    """When it did so last; empty where the API server does not say, as of `scale`."""
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The fields at the place that is looked at, as `fieldsV1` has them."""

    @property
    def is_ours(self) -> bool:
        """Whether it is `pulumi up`."""
        return self.name == OUR_NAME

    @property
    def is_kubectl(self) -> bool:
        """Whether somebody used kubectl, whose fields an update takes away where the stack has none."""
        return self.name == "kubectl" or self.name.startswith("kubectl-")

    @property
    def is_autoscaler(self) -> bool:
        """Whether a program sets replicas, as an autoscaler does."""
        return self.subresource == "scale" and not self.is_kubectl

    @property
    def owns_item(self) -> bool:
        """Whether the item of a list at this place is there because of it."""
        return "." in self.fields


Managers = Sequence[Manager]


def managers(item: Mapping[str, Any]) -> Managers:
    """Who set fields of an object, what is its status left out."""
    listed = item["metadata"].get("managedFields") or []
    return [
        Manager(
            str(entry.get("manager") or ""),
            str(entry.get("operation") or ""),
            str(entry.get("subresource") or ""),
            str(entry.get("time") or ""),
            entry.get("fieldsV1") or {},
        )
        for entry in listed
        if entry.get("subresource") != "status"
    ]


def at_key(owners: Managers, key: str) -> Managers:
    """Those of the managers who set a key, or something below it."""
    return [*_narrowed(owners, lambda fields: fields.get(f"f:{key}"))]


def at_item(owners: Managers, item: Any) -> Managers:
    """Those who set an item of a list, or something below it; the item is known by the keys that it is merged by."""

    def named(fields: Mapping[str, Any]) -> Any:
        return next((below for key, below in fields.items() if key.startswith("k:") and _is(item, key[2:])), None)

    return [*_narrowed(owners, named)]


def are_by_item(owners: Managers) -> bool:
    """Whether the list at this place is set item by item, and not as a whole."""
    return any(key.startswith("k:") for owner in owners for key in owner.fields)


def _is(item: Any, keys: str) -> bool:
    return isinstance(item, dict) and all(item.get(key) == value for key, value in json.loads(keys).items())


def _narrowed(owners: Managers, below: Callable[[Mapping[str, Any]], Any]) -> Iterator[Manager]:
    for owner in owners:
        fields = below(owner.fields) if owner.fields else {}  # who set a whole has set all that is in it
        if fields is not None:
            yield replace(owner, fields=fields)
