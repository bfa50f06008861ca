"""Differences that the `podTemplate` key of a service makes, and where the stack file sets them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.manifests.pod_fields import OWNED_ITEMS
from models.service.resolved import ResolvedService, ResolvedStack
from review.changes import NO_LONGER_SET, Detail
from review.origins import place
from review.service_pair import ServicePair
from review.value_text import value_pair_texts

_ITEM_NAMES = {
    "containers": "container",
    "initContainers": "init container",
    "volumes": "volume",
}


@dataclass(frozen=True)
class _PatchPart:
    """A part of `podTemplate`: a label, an annotation, a named list item or another field of the pod."""

    path: str
    """Its path below the pod template."""
    name: str
    value: Any


def patch_detail(pair: ServicePair, path: str) -> Detail | None:
    """The detail for a difference that a change of `podTemplate` makes. None: something else makes it.

    Args:
        pair: The old and the new service.
        path: Path of the difference, below the pod template.
    """
    part = _part_of(pair.new, path) or _part_of(pair.old, path)
    if part is None:
        return None
    old = _part_with_path(pair.old, part.path)
    new = _part_with_path(pair.new, part.path)
    if old == new:
        return None
    old_value = None if old is None else old.value
    new_value = None if new is None else new.value
    because = NO_LONGER_SET
    if new_value is not None:
        because = patch_source(pair.new_stack, pair.new, part.path)
    old_text, new_text = value_pair_texts(old_value, new_value, part.path)
    return Detail(
        part="pod template",
        name=part.name,
        old=old_text,
        new=new_text,
        because=because,
        restarts=True,
    )


def patch_source(stack: ResolvedStack, service: ResolvedService, path: str) -> str:
    """File and line of a part of `podTemplate`, or of the nearest mapping that contains it."""
    path_without_items = path.partition("[")[0]
    keys = ["services", service.name, "podTemplate", *path_without_items.split(".", 2)]
    while len(keys) > 2:
        source = place(stack, tuple(keys))
        if source:
            return source
        keys.pop()
    return "podTemplate"


def patch_source_of(
    stack: ResolvedStack,
    service: ResolvedService,
    path: str,
) -> str | None:
    """File and line of the part of `podTemplate` that sets a path. None: no part sets it."""
    part = _part_of(service, path)
    if part is None:
        return None
    return patch_source(stack, service, part.path)


def _part_of(service: ResolvedService, path: str) -> _PatchPart | None:
    """The part of `podTemplate` that sets a path."""
    for part in _parts(service):
        if _contains(part.path, path):
            return part
    return None


def _part_with_path(service: ResolvedService, path: str) -> _PatchPart | None:
    for part in _parts(service):
        if part.path == path:
            return part
    return None


def _contains(part: str, path: str) -> bool:
    """Whether a path is that of a part or below it."""
    return path == part or path.startswith((f"{part}.", f"{part}["))


def _parts(service: ResolvedService) -> Iterator[_PatchPart]:
    patch = service.pod_template
    if patch is None:
        return
    for key, text in patch.metadata.labels.items():
        yield _PatchPart(f"metadata.labels.{key}", f"label {key} of the pods", text)
    for key, text in patch.metadata.annotations.items():
        yield _PatchPart(
            f"metadata.annotations.{key}", f"annotation {key} of the pods", text
        )
    for key, value in patch.spec.items():
        if key in OWNED_ITEMS and isinstance(value, list):
            yield from _items(key, value)
        else:
            yield _PatchPart(f"spec.{key}", key, value)


def _items(key: str, items: Sequence[Any]) -> Iterator[_PatchPart]:
    """One part for each container or volume. Its value is the item without its name."""
    for item in items:
        if not isinstance(item, dict):
            continue
        value = dict(item)
        name = value.pop("name", "")
        yield _PatchPart(
            path=f"spec.{key}[{name}]",
            name=f"{_ITEM_NAMES[key]} {name}",
            value=value,
        )
