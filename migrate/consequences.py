"""The consequences of a release around the services: for requests, metrics, images and nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from migrate.defaults import words
from migrate.report import Consequence
from models.engines.release import Release
from models.engines.release_changes import release_changes


def consequences(old: Collection[Release], new: Release) -> Iterator[Consequence]:
    """The consequences for clients, dashboards and nodes, without those that two old releases share.

    Args:
        old: The releases that the services run.
        new: The release that they are migrated to.
    """
    found: dict[Consequence, None] = {}
    for release in sorted(old, key=lambda release: release.version):
        for consequence in _of_release(release, new):
            found.setdefault(consequence)
    yield from found
    yield from _needs(new)


def _of_release(old: Release, new: Release) -> Iterator[Consequence]:
    changes = release_changes(old, new)
    if changes.removed_fields:
        fields = ", ".join(changes.removed_fields)
        yield Consequence("clients", fields, changes.removed_fields_why)
    for metric in changes.metrics:
        if metric.old:
            yield Consequence("metrics", metric.old, metric.new or "no such metric")

    for name, value in old.field_defaults.items():
        if name in new.field_defaults and new.field_defaults[name] != value:
            change = f"{words(value)} → {words(new.field_defaults[name])}"
            yield Consequence("defaults", f"--{name}", change)


def _needs(new: Release) -> Iterator[Consequence]:
    """The published requirements on the image and the nodes."""
    pairing = new.pairing
    versions = {
        "CANN": pairing.cann,
        "PyTorch": pairing.torch,
        "torch_npu": pairing.torch_npu,
        "Python": pairing.python,
    }
    parts = [f"{name} {version}" for name, version in versions.items() if version]
    if parts:
        yield Consequence("image", f"vLLM {new.version}", ", ".join(parts))
    if pairing.driver:
        yield Consequence("nodes", "driver (HDK)", f"{pairing.driver} or later")
