"""Differences between two Services, and whether the smoke Job runs."""

from __future__ import annotations

from collections.abc import Iterator

from models.service.resolved import ResolvedService
from review.changes import Detail
from review.leaves import Leaves, differing
from review.service_pair import ServicePair

_ANNOTATIONS = "metadata.annotations."

_FIELDS = (
    ("spec.ports", "port", "server.port"),
    ("spec.type", "type", "expose.type"),
    ("spec.externalTrafficPolicy", "externalTrafficPolicy", "network.cidrs"),
)
"""Beginning of a path, the name that users know, and the field of the stack file that sets it."""


def service_object_details(
    pair: ServicePair, old: Leaves, new: Leaves
) -> Iterator[Detail]:
    """One detail for each value that differs between two Services."""
    for path, before, after in differing(old, new):
        name, field = _name_and_field(path)
        yield Detail(
            part="Service",
            name=f"{name} of the Service",
            old=before,
            new=after,
            because=pair.field(field, gone=after is None),
            restarts=False,
        )


def _name_and_field(path: str) -> tuple[str, str]:
    if path.startswith(_ANNOTATIONS):
        key = path.removeprefix(_ANNOTATIONS)
        return f"annotation {key}", "expose.annotations"
    for beginning, name, field in _FIELDS:
        if path.startswith(beginning):
            return name, field
    return path, "server.port"


def smoke_details(pair: ServicePair) -> Iterator[Detail]:
    """A detail if the smoke Job is added or removed. Its content is derived from other fields."""
    before = _smoke(pair.old)
    after = _smoke(pair.new)
    if before != after:
        yield Detail(
            part="Job",
            name="smoke",
            old=before,
            new=after,
            because=pair.field("smoke", gone=after is None),
            restarts=False,
        )


def _smoke(service: ResolvedService) -> str | None:
    if service.smoke:
        return "true"
    return None
