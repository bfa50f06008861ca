"""The additions of `podTemplate` to the pods of a service: fields, containers and volumes.

The patch may have any shape. A value of the wrong shape counts as missing here, because the API server refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.finding import Mark, Path
from models.service.resolved import ResolvedService


@dataclass(frozen=True)
class Part:
    """A mapping of `podTemplate`, and its path in the service."""

    path: Path
    fields: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of a container or a volume."""
        return self.text("name")

    def get(self, key: str) -> Any:
        """The value of a key, or None."""
        return self.fields.get(key)

    def text(self, key: str) -> str:
        """The text of a key; empty if it is not a text."""
        value = self.get(key)
        if isinstance(value, str):
            return value
        return ""

    def items(self, key: str) -> list[Any]:
        """The list of a key; empty if it is not a list."""
        value = self.get(key)
        if isinstance(value, list):
            return value
        return []

    def texts(self, key: str) -> list[str]:
        """The texts in the list of a key."""
        return [item for item in self.items(key) if isinstance(item, str)]

    def part(self, key: str) -> Part:
        """The mapping of a key; empty if there is none."""
        path = (*self.path, key)
        value = self.get(key)
        if isinstance(value, dict):
            return Part(path, value)
        return Part(path, {})

    def parts(self, key: str) -> list[Part]:
        """The mappings in the list of a key."""
        parts = []
        for index, item in enumerate(self.items(key)):
            if isinstance(item, dict):
                path = (*self.path, key, str(index))
                parts.append(Part(path, item))
        return parts

    def mark(self, key: str = "") -> Mark:
        """A mark on a key, or on the whole mapping."""
        if key:
            return Mark((*self.path, key))
        return Mark(self.path)


def spec_keys(*fields: str) -> tuple[str, ...]:
    """The keys of the stack file with fields of the pods that a patch adds."""
    return tuple(f"podTemplate.spec.{field}" for field in fields)


def container_keys(*fields: str) -> tuple[str, ...]:
    """The keys of the stack file with fields of the containers that a patch adds."""
    return spec_keys(*(f"containers.{field}" for field in fields))


ANNOTATIONS = "podTemplate.metadata.annotations"
LABELS = "podTemplate.metadata.labels"


def added_spec(service: ResolvedService) -> Part:
    """The patch on the spec of the pods; empty without a patch."""
    path = ("podTemplate", "spec")
    patch = service.pod_template
    if patch is None:
        return Part(path, {})
    return Part(path, patch.spec)


def added_annotations(service: ResolvedService) -> Part:
    """The annotations that the patch adds to the pods; empty without a patch."""
    path = ("podTemplate", "metadata", "annotations")
    patch = service.pod_template
    if patch is None:
        return Part(path, {})
    return Part(path, patch.metadata.annotations)


def added_labels(service: ResolvedService) -> Part:
    """The labels that the patch adds to the pods; empty without a patch."""
    path = ("podTemplate", "metadata", "labels")
    patch = service.pod_template
    if patch is None:
        return Part(path, {})
    return Part(path, patch.metadata.labels)


def added_containers(service: ResolvedService) -> Iterator[Part]:
    """The containers and init containers that the patch adds."""
    spec = added_spec(service)
    yield from spec.parts("initContainers")
    yield from spec.parts("containers")


def added_volumes(service: ResolvedService) -> list[Part]:
    """The volumes that the patch adds."""
    return added_spec(service).parts("volumes")


def mounts_by_volume(service: ResolvedService) -> dict[str, list[Part]]:
    """The mounts of the containers that the patch adds, by the name of their volume.

    The last mounts of a container come first, so that no index changes when they are removed in this order.
    """
    mounts: dict[str, list[Part]] = {}
    for container in added_containers(service):
        for mount in reversed(container.parts("volumeMounts")):
            mounts.setdefault(mount.text("name"), []).append(mount)
    return mounts


def volume_removal(volume: Part, mounts: Mapping[str, list[Part]]) -> str:
    """The edit that removes an added volume and its mounts.

    Args:
        volume: The volume.
        mounts: All mounts, by the name of their volume.
    """
    edits = [_removal(volume)]
    for mount in mounts.get(volume.name, ()):
        edits.append(_removal(mount))
    return " and ".join(edits)


def _removal(part: Part) -> str:
    path = ".".join(part.path)
    return f"remove {path}"
