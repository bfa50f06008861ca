"""The PersistentVolumeClaims of the files: those that a stack of this program created, with their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from convert.minimal import Values
from convert.objects import Object
from models.manifests.metadata import OURS

CLAIM = "PersistentVolumeClaim"


def created_claims(objects: Sequence[Object]) -> dict[str, Values]:
    """The keys of the claims that this program created, by name. Others exist without the stack."""
    claims = {}
    for item in objects:
        if item.kind == CLAIM and _is_ours(item):
            claims[item.name] = _values(item)
    return claims


def _is_ours(claim: Object) -> bool:
    return all(claim.annotations.get(name) == value for name, value in OURS.items())


def _values(claim: Object) -> Values:
    values: Values = {}
    size = claim.at("spec", "resources", "requests", "storage").text()
    if size:
        values["size"] = size
    storage_class = claim.at("spec", "storageClassName").text()
    if size and storage_class:
        values["class"] = storage_class
    return values
