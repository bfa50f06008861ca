"""Two stacks with servers over several nodes, compared in words."""

from __future__ import annotations

from models.service.resolved import ResolvedStack
from review.compare import compare
from tests.models.groups.stacks import stack_with_group

TWO = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2}"
FOUR = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 4}"
ONE = "{maxModelLen: 8192, tensorParallelSize: 16}"


def details(old: ResolvedStack, new: ResolvedStack) -> dict[str, tuple[str | None, str | None]]:
    (service,) = compare(old, new).services
    return {detail.name: (detail.old, detail.new) for detail in service.details}


def test_a_group_with_more_nodes_restarts() -> None:
    old, new = stack_with_group(TWO), stack_with_group(FOUR, nodes=4)

    assert details(old, new) == {"--data-parallel-size": ("2", "4"), "nodes": ("2", "4")}
    assert compare(old, new).services[0].restarts


def test_more_groups_restart_no_pod() -> None:
    old, new = stack_with_group(TWO), stack_with_group(TWO, replicas=2)

    assert details(old, new) == {"replicas": ("1", "2")}
    assert not compare(old, new).services[0].restarts


def test_another_port_of_the_leader_is_a_change_of_its_key() -> None:
    old, new = stack_with_group(TWO), stack_with_group(TWO, group="{port: 13389}")

    assert details(old, new) == {"group.port": ("29550", "13389")}


def test_the_rollout_of_groups_is_compared() -> None:
    old, new = stack_with_group(TWO), stack_with_group(TWO, rollout="{maxSurge: 1}")

    assert details(old, new) == {"rollout": ("maxSurge 0, maxUnavailable 1", "maxSurge 1, maxUnavailable 0")}


def test_one_node_more_replaces_the_object_that_creates_the_pods() -> None:
    change = compare(stack_with_group(ONE, nodes=1), stack_with_group(TWO))

    (replacement,) = change.replacements
    assert replacement.startswith("the pods of deepseek: a LeaderWorkerSet replaces the Deployment")
    assert ("1", "2") == details(stack_with_group(ONE, nodes=1), stack_with_group(TWO))["nodes"]


def test_the_way_back_to_one_node_is_a_replacement_too() -> None:
    change = compare(stack_with_group(TWO), stack_with_group(ONE, nodes=1))

    (replacement,) = change.replacements
    assert replacement.startswith("the pods of deepseek: a Deployment replaces the LeaderWorkerSet")


def test_the_npus_of_all_nodes_count() -> None:
    assert compare(stack_with_group(ONE, nodes=1), stack_with_group(TWO, replicas=3)).npus == (16, 96)
