"""The PersistentVolumeClaims that services want made for their weights, and what cannot go together in them."""

from __future__ import annotations

from collections.abc import Iterable

from models.service.resolved import ResolvedService
from models.stack_file.storage import Storage


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
