"""Who set the fields of an object: its `managedFields`, as the API server records them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.manifests.metadata import OURS

OUR_NAME = OURS["pulumi.com/patchFieldManager"]
"""The name of the field manager that `pulumi up` applies with."""


@dataclass(frozen=True)
class FieldManager:
    """A program or a person that set fields of an object."""

    name: str
    """Such as `kubectl-edit`. A program without a name has the beginning of its user agent."""
    operation: str = "Update"
    """`Apply` for server-side apply, otherwise `Update`."""
    subresource: str = ""
    """`scale` or `status`, if the fields were set through a subresource."""
    time: str = ""
    """Time of the last change. Empty: the API server records none, for example for `scale`."""
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Its fields below the current path, in the form of `fieldsV1`."""

    @property
    def is_ours(self) -> bool:
        """Whether it is `pulumi up`."""
        return self.name == OUR_NAME

    @property
    def is_kubectl(self) -> bool:
        """Whether it is a person with kubectl. `pulumi up` removes fields that kubectl added."""
        return self.name == "kubectl" or self.name.startswith("kubectl-")

    @property
    def is_autoscaler(self) -> bool:
        """Whether it is a program that sets replicas."""
        return self.subresource == "scale" and not self.is_kubectl

    @property
    def owns_item(self) -> bool:
        """Whether it added the list item at the current path."""
        return "." in self.fields


FieldManagers = Sequence[FieldManager]


def field_managers(item: Mapping[str, Any]) -> FieldManagers:
    """The field managers of an object, without those of its status."""
    entries = item["metadata"].get("managedFields") or []
    return [
        _field_manager(entry)
        for entry in entries
        if entry.get("subresource") != "status"
    ]


def _field_manager(entry: Mapping[str, Any]) -> FieldManager:
    return FieldManager(
        name=str(entry.get("manager") or ""),
        operation=str(entry.get("operation") or ""),
        subresource=str(entry.get("subresource") or ""),
        time=str(entry.get("time") or ""),
        fields=entry.get("fieldsV1") or {},
    )


def at_key(managers: FieldManagers, key: str) -> FieldManagers:
    """The managers that set a key or something below it."""

    def fields_below(fields: Mapping[str, Any]) -> Any:
        return fields.get(f"f:{key}")

    return list(_narrowed(managers, fields_below))


def at_item(managers: FieldManagers, item: Any) -> FieldManagers:
    """The managers that set a list item or something below it. Its merge keys identify the item."""

    def fields_below(fields: Mapping[str, Any]) -> Any:
        for key, below in fields.items():
            if key.startswith("k:") and _has_keys(item, key.removeprefix("k:")):
                return below
        return None

    return list(_narrowed(managers, fields_below))


def _has_keys(item: Any, keys: str) -> bool:
    if not isinstance(item, dict):
        return False
    return all(item.get(key) == value for key, value in json.loads(keys).items())


def _narrowed(
    managers: FieldManagers,
    fields_below: Callable[[Mapping[str, Any]], Any],
) -> Iterator[FieldManager]:
    for manager in managers:
        if not manager.fields:
            # A manager that set the whole value set everything below it.
            yield replace(manager, fields={})
            continue
        fields = fields_below(manager.fields)
        if fields is not None:
            yield replace(manager, fields=fields)


def are_by_item(managers: FieldManagers) -> bool:
    """Whether the list at the current path is merged item by item, not replaced as a whole."""
    keys = [key for manager in managers for key in manager.fields]
    return any(key.startswith("k:") for key in keys)
