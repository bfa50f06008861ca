"""Rules on the PersistentVolumeClaims that a stack creates for weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from models.engines.memory import GIB
from models.finding import Finding, Mark, error, warning
from models.record import quantity_text
from models.rules.registry import stack_rule
from models.service.claims import claimants, requested_claims
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.storage import ClaimRequest


@stack_rule("error")
def claims_differ(stack: ResolvedStack) -> Iterator[Finding]:
    """Services that share a claim which the stack creates agree on its size and class.

    A claim's name is unique in its namespace, so only one of the two definitions could apply.
    """
    first_claimants = claimants(stack.services)
    first_requests = requested_claims(stack.services)
    for service in stack.services:
        claim = service.model.source.stored_in
        if claim is None or claim.request is None:
            continue
        agreed = first_requests[claim.name]
        if claim.request != agreed:
            first = first_claimants[claim.name]
            yield error(
                f"{first.name} and {service.name} define the claim {claim.name} differently",
                why="the name of a claim is unique in a namespace, so only one definition could apply",
                fix=_same_request(service.name, claim.request, agreed),
                marks=[
                    _source_of(service),
                    _source_of(first),
                ],
            )


@stack_rule("warning")
def claim_too_small(stack: ResolvedStack) -> Iterator[Finding]:
    """A claim that the stack creates is at least as large as its weights.

    The checksums contain the size of each file. Most storage classes enforce the size of a claim, so fetching the
    weights would fail when the claim is full. Some, such as NFS, do not enforce it.
    """
    first_claimants = claimants(stack.services)
    for claim, request in requested_claims(stack.services).items():
        first = first_claimants[claim]
        size = request.size
        needed = _bytes_of_weights(stack, claim)
        if needed <= size:
            continue
        rounded = math.ceil(needed / GIB)
        yield warning(
            f"the claim {claim} has {size / GIB:.1f} GiB, but its weights take {needed / GIB:.1f} GiB",
            why="most storage classes enforce the size, so fetching the weights would fail when the claim is full",
            fix=f"write services.{first.name}.model.source.size: {rounded}Gi, or more for further models",
            marks=[_source_of(first)],
        )


def _same_request(service: str, request: ClaimRequest, agreed: ClaimRequest) -> str:
    """The edit that gives the claim of a service the size and the class of another definition."""
    source = f"services.{service}.model.source"
    edits = [f"write {source}.size: {quantity_text(agreed.size)}"]
    if agreed.storage_class:
        edits.append(f"write {source}.class: {agreed.storage_class}")
    elif request.storage_class:
        edits.append(f"remove {source}.class")
    return " and ".join(edits)


def _bytes_of_weights(stack: ResolvedStack, claim: str) -> int:
    """Bytes of all weights that services keep in a claim; the same files count once."""
    totals: dict[str, int] = {}
    for service in stack.services:
        files = service.checksums
        stored_in = service.model.source.stored_in
        if files and stored_in and stored_in.name == claim:
            totals[files.digest] = files.total
    return sum(totals.values())


def _source_of(service: ResolvedService) -> Mark:
    return Mark(("services", service.name, "model", "source"))
