"""The PersistentVolumeClaims that services let the stack create for their weights."""

from __future__ import annotations

from collections.abc import Iterable

from models.service.resolved import ResolvedService
from models.stack_file.storage import Storage


def made_claims(services: Iterable[ResolvedService]) -> dict[str, Storage]:
    """The claims to create, by name. Several services may share one claim."""
    first_services = claimants(services)
    return {name: first_services[name].model.source.storage for name in sorted(first_services)}


def claimants(services: Iterable[ResolvedService]) -> dict[str, ResolvedService]:
    """The first service that lets each claim be created, by the claim's name."""
    found: dict[str, ResolvedService] = {}
    for service in services:
        source = service.model.source
        if source.claim and source.storage.size:
            found.setdefault(source.claim, service)
    return found
