"""How many NPUs are missing if the pods of a stack do not fit on its nodes."""

from __future__ import annotations

from collections.abc import Sequence

from plan.transition import Transition

_MOST_TRIES = 50_000
"""Assignments that are tried. A result after more tries may not be the smallest one."""


def missing_npus(transition: Transition) -> int:
    """The smallest number of NPUs by which the nodes must grow so that all wanted pods find a node.

    The pods are assigned to the nodes as if nothing ran. An NPU that is added to a node counts one, and so does each
    NPU of an additional node.
    """
    pods: list[int] = []
    for service in transition.services:
        if service.new is not None:
            demand = service.new.demand
            pods += [demand.npus] * (demand.replicas * demand.nodes)
    return least_missing(pods, [node.npus for node in transition.nodes])


def least_missing(pods: Sequence[int], free: Sequence[int]) -> int:
    """The smallest number of NPUs that must be added so that all pods find a node.

    Args:
        pods: NPUs of each pod.
        free: Free NPUs of each node.
    """
    search = _Search(sorted(pods, reverse=True))
    search.assign(0, sorted(free), 0)
    return search.least


class _Search:
    """The assignment with the fewest missing NPUs."""

    def __init__(self, pods: Sequence[int]) -> None:
        self._pods = pods
        self._tries = 0
        self.least = sum(pods)

    def assign(self, position: int, free: Sequence[int], missing: int) -> None:
        """Assign the pods from a position on.

        Args:
            position: The first pod without a node.
            free: Free NPUs of the nodes.
            missing: The NPUs that are missing already.
        """
        remaining = sum(self._pods[position:])
        at_least = missing + max(remaining - sum(free), 0)
        if at_least >= self.least:
            return
        if position == len(self._pods):
            self.least = missing
            return
        self._tries += 1
        if self._tries > _MOST_TRIES:
            return
        pod = self._pods[position]
        for npus in _candidates(free, pod):
            others = list(free)
            others.remove(npus)
            rest = max(npus - pod, 0)
            self.assign(
                position + 1, sorted([*others, rest]), missing + max(pod - npus, 0)
            )
        self.assign(position + 1, free, missing + pod)


def _candidates(free: Sequence[int], pod: int) -> list[int]:
    """The different numbers of free NPUs: those that fit, the smallest first, then the others, the largest first."""
    fitting = sorted({npus for npus in free if npus >= pod})
    others = sorted({npus for npus in free if 0 < npus < pod}, reverse=True)
    return fitting + others
