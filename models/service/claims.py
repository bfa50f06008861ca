"""The PersistentVolumeClaims that a stack creates for weights."""

from __future__ import annotations

from collections.abc import Iterable

from models.service.resolved import ResolvedService
from models.stack_file.keys.storage import ClaimRequest


def requested_claims(services: Iterable[ResolvedService]) -> dict[str, ClaimRequest]:
    """The claims that the stack creates, by name. Services may share one: the first service defines it."""
    found: dict[str, ClaimRequest] = {}
    for service in services:
        claim = service.model.source.stored_in
        if claim and claim.request:
            found.setdefault(claim.name, claim.request)
    return dict(sorted(found.items()))


def claimants(services: Iterable[ResolvedService]) -> dict[str, ResolvedService]:
    """The first service that requests each claim, by the claim's name."""
    found: dict[str, ResolvedService] = {}
    for service in services:
        claim = service.model.source.stored_in
        if claim and claim.request:
            found.setdefault(claim.name, service)
    return found
