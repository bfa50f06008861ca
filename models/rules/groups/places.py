"""The nodes to which `podTemplate` limits the pods of a service by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from models.finding import Mark
from models.rules.pods.added_parts import Part
from models.service.resolved import ResolvedService

_HOST_NAME = "kubernetes.io/hostname"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True)
class Places:
    """The only nodes on which the pods may run."""

    nodes: Collection[str]
    mark: Mark
    """What names the nodes."""


def hostname_places(spec: Part) -> Places | None:
    """The nodes that a selector or an affinity of the patch names; None if it allows others.

    Args:
        spec: The patch on the spec of the pods.
    """
    selector = spec.part("nodeSelector")
    name = selector.text(_HOST_NAME)
    if name:
        return Places({name}, selector.mark(_HOST_NAME))
    affinity = spec.part("affinity").part("nodeAffinity").part(_REQUIRED)
    terms = affinity.parts("nodeSelectorTerms")
    named = [_named(term) for term in terms]
    if not named or not all(named):
        return None
    return Places({name for names in named for name in names}, affinity.mark())


def _named(term: Part) -> list[str]:
    """The names to which a term limits the pods; empty if it allows others."""
    by_label = [(rule, _HOST_NAME) for rule in term.parts("matchExpressions")]
    by_name = [(rule, "metadata.name") for rule in term.parts("matchFields")]
    for expression, key in (*by_label, *by_name):
        if expression.text("key") == key and expression.text("operator") == "In":
            return expression.texts("values")
    return []


def pods_of_node(service: ResolvedService) -> int:
    """The most pods of a service that have room on one node."""
    pools = service.cluster.pools.values()
    largest = max(service.cluster.platform.npu_counts)
    if pools:
        largest = max(pool.npus_per_node for pool in pools)
    return largest // service.npus
