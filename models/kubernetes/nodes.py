"""The objects in a pod's template, with their types: what the rules are applied to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from models.finding import Path
from models.kubernetes.schema import Schema


@dataclass(frozen=True)
class Node:
    """An object in the template: a container, a volume, a probe."""

    type_name: str
    value: Mapping[str, Any]
    path: Path

    def at(self, *keys: str | int) -> Path:
        """The path of a part of the object."""
        return (*self.path, *map(str, keys))

    def text(self, key: str) -> str:
        """The text of a field; empty if it is not set."""
        text: str = self.value.get(key, "")
        return text

    def items(self, key: str) -> Sequence[Any]:
        """The items of a field; none if it is not set."""
        items: Sequence[Any] = self.value.get(key, ())
        return items

    def mapping(self, key: str) -> Mapping[str, Any]:
        """The mapping in a field; empty if it is not set."""
        mapping: Mapping[str, Any] = self.value.get(key, {})
        return mapping


@dataclass(frozen=True)
class Pod:
    """The whole template, for rules that compare its parts."""

    minor: int
    """The minor release of Kubernetes."""
    spec: Mapping[str, Any]
    annotations: Mapping[str, str]

    @cached_property
    def volumes(self) -> dict[str, Mapping[str, Any]]:
        """The volumes by their names."""
        return self._by_name("volumes")

    @cached_property
    def claims(self) -> dict[str, Mapping[str, Any]]:
        """The resource claims of the pod by their names."""
        return self._by_name("resourceClaims")

    def _by_name(self, key: str) -> dict[str, Mapping[str, Any]]:
        items = self.spec.get(key, ())
        return {item["name"]: item for item in items if "name" in item}

    @property
    def host_network(self) -> bool:
        """Whether the pods use the network of the node."""
        return bool(self.spec.get("hostNetwork"))

    @property
    def host_users(self) -> bool:
        """Whether the users of the pods are those of the node."""
        return bool(self.spec.get("hostUsers", True))

    @property
    def grace_period(self) -> int:
        """Seconds that a pod has to end."""
        seconds: int = self.spec.get("terminationGracePeriodSeconds", 30)
        return seconds


def nodes_of(
    schema: Schema,
    type_name: str,
    value: Mapping[str, Any],
    path: Path,
    left_out: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[Node]:
    """The objects of a well-formed value, itself first.

    Args:
        schema: The types and their fields.
        type_name: The type of the value.
        value: The value.
        path: The path of the value.
        left_out: How many items of a list of the value are left out, from its first on, by the field.
    """
    yield Node(type_name, value, path)
    fields = schema.fields(type_name)
    for key, item in value.items():
        field = fields.get(key)
        if field is None or field.form.name not in schema.types:
            continue
        item_path = (*path, key)
        if field.form.container != "list":
            yield from nodes_of(schema, field.form.name, item, item_path)
            continue
        first = left_out.get(key, 0)
        for index, element in enumerate(item[first:], first):
            element_path = (*item_path, str(index))
            yield from nodes_of(schema, field.form.name, element, element_path)
