"""Two stacks with servers over several nodes, compared in words."""

from __future__ import annotations

import pytest

from models.service.resolved import ResolvedStack
from review import StackChange
from review.compare import compare
from review.drift import Live
from review.field_details import field_detail
from review.live import compare_live
from tests.models.groups.stacks import stack_with_group
from tests.review.cluster import Kube, edit

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


def pool(nodes: int) -> str:
    return f"pools: {{a3: {{nodes: {nodes}, npusPerNode: 16, npuMemory: 64Gi}}}}"


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 1)])
def test_a_replacement_without_room_for_both_is_refused_with_its_way_out(old: int, new: int) -> None:
    engines = {1: ONE, 2: TWO}
    full = [stack_with_group(engines[nodes], cluster=pool(2), nodes=nodes) for nodes in (old, new)]
    roomy = [stack_with_group(engines[nodes], cluster=pool(3), nodes=nodes) for nodes in (old, new)]

    (finding,) = compare(*full).would_hang
    assert finding.fix == (
        "write services.deepseek.replicas: 0, run pulumi up, and write services.deepseek.replicas: 1 again"
    )
    assert compare(*roomy).would_hang == ()


def test_the_way_out_of_a_replacement_is_never_refused() -> None:
    old = stack_with_group(TWO, cluster=pool(2))
    stopped = stack_with_group(ONE, cluster=pool(2), nodes=1, replicas=0)
    new = stack_with_group(ONE, cluster=pool(2), nodes=1)

    assert compare(old, stopped).would_hang == ()
    assert compare(stopped, new).would_hang == ()


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 1)])
def test_a_replaced_service_is_down_until_its_new_pods_are_ready(old: int, new: int) -> None:
    engines = {1: ONE, 2: TWO}
    stacks = [stack_with_group(engines[nodes], cluster=pool(4), nodes=nodes, startup="20m") for nodes in (old, new)]
    (service,) = compare(*stacks).services

    assert service.downtime == 20 * 60


def test_the_npus_of_all_nodes_count() -> None:
    assert compare(stack_with_group(ONE, nodes=1), stack_with_group(TWO, replicas=3)).npus == (16, 96)


def running(stack: ResolvedStack) -> Kube:
    """The cluster of a stack that was just updated."""
    return Kube(stack)


def from_cluster(cluster: Kube, new: ResolvedStack) -> StackChange:
    return compare_live(new, Live(cluster.objects))[0]


def details_of(change: StackChange) -> dict[str, tuple[str | None, str | None]]:
    (service,) = change.services
    return {detail.name: (detail.old, detail.new) for detail in service.details}


def test_a_cluster_with_a_group_that_was_just_updated_has_no_drift_and_no_change() -> None:
    stack = stack_with_group(TWO, replicas=2)
    cluster = running(stack)

    assert cluster.drift(stack).objects == ()
    change = from_cluster(cluster, stack)
    assert (change.is_empty, change.npus) == (True, (64, 64))


@pytest.mark.parametrize(
    "new",
    [
        stack_with_group(TWO, image="quay.io/ascend/vllm-ascend:v0.23.0-a3-openeuler"),
        stack_with_group(FOUR, nodes=4),
        stack_with_group(TWO, replicas=2),
        stack_with_group("{maxModelLen: 4096, tensorParallelSize: 16, dataParallelSize: 2}"),
        stack_with_group("{maxModelLen: 8192, tensorParallelSize: 8, dataParallelSize: 2}", npus=8),
        stack_with_group(TWO, env="{A: b}"),
    ],
    ids=["image", "nodes", "replicas", "flag", "npus", "variable"],
)
def test_a_group_is_compared_with_its_cluster_like_with_the_stack_file_that_was_applied(new: ResolvedStack) -> None:
    old = stack_with_group(TWO)
    expected = compare(old, new).services[0]
    (service,) = from_cluster(running(old), new).services

    found = {(detail.name, detail.old, detail.new) for detail in service.details}
    named = [detail for detail in expected.details if detail.part in ("launch", "image", "replicas", "nodes")]
    assert {(detail.name, detail.old, detail.new) for detail in named} <= found
    assert service.restarts == expected.restarts
    assert (service.old and service.old.nodes, service.old and service.old.npus) == (2, 16)


WORKER = ("spec", "leaderWorkerTemplate", "workerTemplate", "spec", "containers", 0, "image")


def test_a_manual_change_of_the_workers_is_named_as_theirs() -> None:
    stack = stack_with_group(TWO)
    cluster = running(stack)
    edit(cluster.one("LeaderWorkerSet"), WORKER, "a:hand")

    (drift,) = cluster.drift(stack).objects
    assert (drift.kind, drift.name, drift.restarts) == ("LeaderWorkerSet", "deepseek-group", True)
    assert field_detail(stack, "deepseek", drift.kind, drift.fields[0]).name == "image of the workers"
    assert details_of(from_cluster(cluster, stack)) == {"image of the workers": ("a:hand", stack.services[0].image)}


def test_groups_that_an_autoscaler_sets_are_no_drift() -> None:
    stack = stack_with_group(TWO, replicas="external")
    cluster = running(stack)
    edit(cluster.one("LeaderWorkerSet"), ("spec", "replicas"), 3, "kube-controller-manager", subresource="scale")

    assert cluster.drift(stack).objects == ()
    assert from_cluster(cluster, stack).npus == (96, 96)


def test_a_service_over_several_nodes_that_the_stack_no_longer_has_is_removed() -> None:
    cluster = running(stack_with_group(TWO))
    change = from_cluster(cluster, stack_with_group(TWO, name="other"))

    assert {service.name: service.kind for service in change.services} == {"deepseek": "removed", "other": "added"}


@pytest.mark.parametrize("nodes", [1, 2])
def test_another_kind_of_object_for_the_pods_is_a_replacement_of_what_runs(nodes: int) -> None:
    stacks = {1: stack_with_group(ONE, nodes=1), 2: stack_with_group(TWO)}
    old, new = stacks[nodes], stacks[3 - nodes]
    change = from_cluster(running(old), new)

    assert change.replacements == compare(old, new).replacements
    assert details_of(change) == {"nodes": (str(nodes), str(3 - nodes))}
    assert change.services[0].restarts


def test_the_key_of_a_group_that_changed_in_its_script_is_named() -> None:
    old, new = stack_with_group(TWO), stack_with_group(TWO, group="{port: 13389, memberPort: 29700}")

    found = details_of(from_cluster(running(old), new))
    assert found["group.port"] == ("29550", "13389")
    assert found["group.memberPort"] == ("29600", "29700")


def test_a_flag_of_the_leader_alone_is_compared() -> None:
    servers = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2, extraArgs: {api-server-count: %d}}"
    old, new = stack_with_group(servers % 1), stack_with_group(servers % 2)

    assert details(old, new) == {"--api-server-count": ("1", "2")}
    assert details_of(from_cluster(running(old), new)) == {"--api-server-count": ("1", "2")}
