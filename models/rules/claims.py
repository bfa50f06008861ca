"""Rules on the PersistentVolumeClaims that a stack creates for weights."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, Mark, error, warning
from models.rules.registry import stack_rule
from models.service.claims import claimants
from models.service.resolved import ResolvedService, ResolvedStack


@stack_rule
def claims_differ(stack: ResolvedStack) -> Iterator[Finding]:
    """Services that share a claim which the stack makes agree on its size and class.

    There is one claim of a name in a namespace, so only one of them could have its way.
    """
    first = claimants(stack.services)
    for service in stack.services:
        name, ours = service.model.source.claim, service.model.source.storage
        other = first.get(name or "", service)
        theirs = other.model.source.storage
        if ours.size and (theirs.size, theirs.storage_class) != (ours.size, ours.storage_class):
            message = f"{other.name} and {service.name} want the claim {name} made differently"
            why, fix = "a namespace has one claim of a name", "give both the same size and class, or only one of them"
            yield error(message, why=why, fix=fix, marks=[_source_of(service), _source_of(other)])


@stack_rule
def claim_too_small(stack: ResolvedStack) -> Iterator[Finding]:
    """A claim that the stack makes is as large as the weights in it, by their manifests.

    Most classes of storage hold a claim to its size, and the fetch ends in the middle; some, as NFS, do not.
    """
    for name, first in claimants(stack.services).items():
        kept = (one.weight_files for one in stack.services if one.model.source.claim == name)
        needed = sum({files.digest: files.total for files in kept if files}.values())
        if needed > (size := first.model.source.storage.size or 0):
            message = f"the claim {name} is made with {size / 2**30:.1f} GiB, its weights take {needed / 2**30:.1f} GiB"
            why, fix = "most classes of storage have no more room than that", "raise size, for all that it keeps"
            yield warning(message, why=why, fix=fix, marks=[_source_of(first)])


def _source_of(service: ResolvedService) -> Mark:
    return Mark(("services", service.name, "model", "source"))
