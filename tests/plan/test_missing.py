"""The smallest number of missing NPUs, compared with all assignments of the pods to the nodes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product

from plan.missing import missing_npus
from plan.transition import PlannedService
from tests.plan.transitions import on_nodes, service, version

NUMBER = 150
MOST_PODS = 5


def test_no_assignment_of_the_pods_misses_fewer_npus() -> None:
    missing = []
    for seed in range(NUMBER):
        nodes, services = generated(seed)
        expected = least_missing(nodes, pods_of(services))

        assert missing_npus(on_nodes(nodes, services, {})) == expected, f"nodes {nodes}, pods {pods_of(services)}"
        missing.append(expected)

    assert any(missing), "some of the stacks do not fit"
    assert not all(missing), "some of the stacks fit"


def generated(seed: int) -> tuple[list[int], list[PlannedService]]:
    """Nodes of several sizes, and services of which some are groups."""
    draw = random.Random(seed)  # noqa: S311  the same in every run
    nodes = [draw.choice([2, 4, 8, 8, 16]) for _ in range(draw.randint(0, 3))]
    services: list[PlannedService] = []
    for number in range(draw.randint(1, 3)):
        npus = draw.choice([1, 2, 4, 8, 16])
        wanted = version(draw.randint(1, 2), npus, nodes=draw.choice([1, 1, 2]))
        more = [*services, service(f"s{number}", None, wanted)]
        if len(pods_of(more)) <= MOST_PODS:
            services = more
    return nodes, services


def pods_of(services: Sequence[PlannedService]) -> list[int]:
    """The NPUs of each wanted pod."""
    pods: list[int] = []
    for planned in services:
        assert planned.new
        demand = planned.new.demand
        pods += [demand.npus] * (demand.replicas * demand.nodes)
    return pods


def least_missing(nodes: Sequence[int], pods: Sequence[int]) -> int:
    """The least of all assignments. The last place is outside the nodes."""
    outside = len(nodes)
    results = []
    for places in product(range(outside + 1), repeat=len(pods)):
        loads = [0] * (outside + 1)
        for place, npus in zip(places, pods, strict=True):
            loads[place] += npus
        missing = loads[outside]
        for load, npus in zip(loads[:outside], nodes, strict=True):
            missing += max(load - npus, 0)
        results.append(missing)
    return min(results)
