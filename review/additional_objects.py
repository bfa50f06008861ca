"""Differences between the additional objects of a service: PDB, NetworkPolicy, PodMonitor and PrometheusRule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from models.manifests import Manifest
from models.record import Record, duration_text
from models.service.resolved import ResolvedService
from review.changes import Detail
from review.leaves import Leaves, leaves
from review.service_pair import ServicePair
from review.value_text import value_pair_texts

STACK_KEYS = {
    "PodDisruptionBudget": "disruptionBudget",
    "NetworkPolicy": "network",
    "PodMonitor": "monitoring",
    "PrometheusRule": "monitoring",
}
"""Kind of an object, and the key of the stack file that adds it."""


def additional_object_details(
    pair: ServicePair,
    old: Iterable[Manifest],
    new: Iterable[Manifest],
) -> Iterator[Detail]:
    """One detail for each key of the stack file whose objects differ.

    Args:
        pair: The old and the new service.
        old: The old additional objects, without their namespace.
        new: The new additional objects, without their namespace.
    """
    old_objects = _by_kind(old)
    new_objects = _by_kind(new)
    reported = set[str]()
    for kind, key in STACK_KEYS.items():
        if old_objects.get(kind) == new_objects.get(kind):
            continue
        if key not in reported:
            reported.add(key)
            yield _detail(pair, kind, key)


def _by_kind(manifests: Iterable[Manifest]) -> dict[str, Leaves]:
    return {
        manifest["kind"]: leaves(manifest)
        for manifest in manifests
        if manifest["kind"] in STACK_KEYS
    }


def _detail(pair: ServicePair, kind: str, key: str) -> Detail:
    old = _value(pair.old, key)
    new = _value(pair.new, key)
    if old == new:
        return Detail(
            part=kind,
            name=kind,
            old="",
            new="",
            because="other fields of the service",
            restarts=False,
        )
    old_text, new_text = value_pair_texts(old, new)
    return Detail(
        part=kind,
        name=key,
        old=old_text,
        new=new_text,
        because=pair.field(key, gone=new is None),
        restarts=False,
    )


def _value(service: ResolvedService, key: str) -> Any:
    """The value of a key as in the stack file. `true`: every field has its default. None: the key is not set."""
    records: dict[str, Record | None] = {
        "disruptionBudget": service.disruption_budget,
        "network": service.network,
        "monitoring": service.monitoring,
    }
    record = records[key]
    if record is None:
        return None
    value = record.model_dump(by_alias=True, exclude_defaults=True)
    if "interval" in value:
        value["interval"] = duration_text(value["interval"])
    return value or "true"
