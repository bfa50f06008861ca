"""The PersistentVolumeClaims that services want made for their weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.beside.storage import Storage
from models.resolve import ResolvedService


def made_claims(services: Iterable[ResolvedService]) -> dict[str, Storage]:
    """The claims that services want made, by name; services may share one."""
    return {name: service.model.source.storage for name, service in sorted(claimants(services).items())}


def claimants(services: Iterable[ResolvedService]) -> dict[str, ResolvedService]:
    """The first service that wants each claim made, by the claim's name."""
    found: dict[str, ResolvedService] = {}
    for service in services:
        source = service.model.source
        if source.claim and source.storage.size:
            found.setdefault(source.claim, service)
    return found


def disputed(services: Iterable[ResolvedService]) -> Iterator[tuple[ResolvedService, ResolvedService]]:
    """Services that want a claim made otherwise than one before them, with that one."""
    listed = [*services]
    first = claimants(listed)
    for service in listed:
        ours = service.model.source
        if ours.claim in first and ours.storage.size:
            theirs = first[ours.claim].model.source.storage
            if (theirs.size, theirs.storage_class) != (ours.storage.size, ours.storage.storage_class):
                yield service, first[ours.claim]
