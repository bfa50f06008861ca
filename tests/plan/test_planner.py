"""The order of the steps of an update."""

from __future__ import annotations

import pytest

from models.stack_file.keys.cluster import Pool
from models.stack_file.keys.operation import Queue, Recreate, ResolvedRollingUpdate
from plan import NoPlan, PlannedService, Transition, UpdatePlan, plan_update
from plan.board import board
from plan.budget import Budget
from plan.placement import leaving
from plan.search import search
from plan.transition import Companion
from tests.plan.brute_force import least_cost
from tests.plan.transitions import START, STOP, on_nodes, service, version


def steps(transition: Transition) -> list[str]:
    plan = found(transition)
    return [f"{step.kind} {step.service} {step.before} → {step.after} {step.way}".rstrip() for step in plan.steps]


def found(transition: Transition) -> UpdatePlan:
    plan = plan_update(transition)
    assert isinstance(plan, UpdatePlan)
    return plan


def test_one_server_becomes_two_smaller_ones_on_the_same_npus() -> None:
    update = on_nodes([8], [service("qwen", version(1, 8), version(2, 4), restarts=True)], {"qwen": ((0,),)})

    assert steps(update) == ["update qwen 1 → 2 delete first"]
    assert found(update).downtime == {"qwen": START}
    assert found(update).peak == 8


def test_two_models_that_swap_their_sizes_stop_one_after_the_other() -> None:
    big = service("big", version(1, 8), version(1, 4), restarts=True)
    small = service("small", version(1, 4), version(1, 8), restarts=True)
    full = on_nodes([8, 4], [big, small], {"big": ((0,),), "small": ((1,),)})

    assert steps(full) == ["stop big 1 → 0", "update small 1 → 1 additional pod", "start big 0 → 1"]
    assert found(full).downtime == {"big": STOP + 2 * START}


def test_the_service_with_the_higher_priority_answers_and_the_other_one_waits() -> None:
    big = service("big", version(1, 8), version(1, 4), restarts=True, priority=10)
    small = service("small", version(1, 4), version(1, 8), restarts=True)
    full = on_nodes([8, 4], [big, small], {"big": ((0,),), "small": ((1,),)})

    assert found(full).downtime == {"small": STOP + 2 * START}


def test_a_service_shrinks_before_another_one_grows() -> None:
    shrinking = service("summary", version(4, 2), version(2, 2))
    growing = service("qwen", version(2, 4), version(3, 4))
    update = on_nodes([8, 8], [growing, shrinking], {"summary": ((0,),) * 4, "qwen": ((1,), (1,))})

    assert steps(update) == ["scale summary 4 → 2", "scale qwen 2 → 3"]
    assert found(update).steps[0].frees == {"n1": 4}
    assert found(update).downtime == {}


def test_a_service_that_does_not_change_is_scaled_for_a_while_if_that_saves_downtime() -> None:
    qwen = service("qwen", version(1, 8), version(1, 8), restarts=True)
    summary = service("summary", version(2, 8), version(2, 8))
    update = on_nodes([8, 8, 8], [qwen, summary], {"qwen": ((0,),), "summary": ((1,), (2,))})

    assert steps(update) == [
        "scale summary 2 → 1",
        "update qwen 1 → 1 additional pod",
        "scale summary 1 → 2",
    ]
    assert found(update).downtime == {}


def test_a_service_that_does_not_change_is_left_alone_if_that_saves_nothing() -> None:
    qwen = service("qwen", version(1, 8), version(1, 8), restarts=True)
    summary = service("summary", version(2, 4), version(2, 4))
    update = on_nodes([8, 8, 8], [qwen, summary], {"qwen": ((0,),), "summary": ((1,), (1,))})

    assert steps(update) == ["update qwen 1 → 1 additional pod"]


def test_free_npus_of_several_nodes_do_not_add_up() -> None:
    growing = service("growing", version(1, 4), version(1, 8), restarts=True)
    other = service("other", version(2, 4), version(2, 4))
    update = on_nodes([8, 8], [growing, other], {"growing": ((0,),), "other": ((0,), (1,))})

    plan = found(update)

    assert any(step.service == "other" for step in plan.steps), "8 NPUs are free in sum, but on no node"
    assert plan.peak <= 16


def test_a_group_starts_only_when_all_its_nodes_are_free() -> None:
    group = service("deepseek", None, version(1, 8, nodes=2))
    old = service("old", version(2, 8), None)
    update = on_nodes([8, 8], [group, old], {"old": ((0,), (1,))})

    assert steps(update) == ["delete old 2 → 0", "start deepseek 0 → 1"]


def test_a_group_is_updated_as_a_whole() -> None:
    group = service("deepseek", version(1, 8, nodes=2), version(1, 8, nodes=2), restarts=True)

    full = on_nodes([8, 8], [group], {"deepseek": ((0, 1),)})
    spacious = on_nodes([8, 8, 8, 8], [group], {"deepseek": ((0, 1),)})

    assert steps(full) == ["update deepseek 1 → 1 one by one"]
    assert found(full).downtime == {"deepseek": START}
    assert steps(spacious) == ["update deepseek 1 → 1 additional pod"]
    assert found(spacious).downtime == {}


def test_a_service_that_becomes_a_group_ends_before_the_group_starts() -> None:
    qwen = service("qwen", version(1, 8), version(1, 8, nodes=2), restarts=True, is_replaced=True)

    assert steps(on_nodes([8, 8], [qwen], {"qwen": ((0,),)})) == ["stop qwen 1 → 0", "start qwen 0 → 1"]


def test_a_removed_service_goes_first_if_another_needs_its_npus() -> None:
    update = on_nodes([8], [service("new", None, version(1, 8)), service("old", version(1, 8), None)], {"old": ((0,),)})

    assert steps(update) == ["delete old 1 → 0", "start new 0 → 1"]
    assert found(update).downtime == {}, "nobody waits for a service that is removed"


@pytest.mark.parametrize(
    ("nodes", "expected", "seconds"),
    [
        ([8, 8], ["start after 0 → 1", "delete before 1 → 0"], 0),
        ([8], ["delete before 1 → 0", "start after 0 → 1"], START),
    ],
)
def test_a_renamed_service_starts_beside_the_old_one_where_there_is_room(
    nodes: list[int], expected: list[str], seconds: int
) -> None:
    before, after = service("before", version(1, 8), None), service("after", None, version(1, 8))
    update = on_nodes(nodes, [before, after], {"before": ((0,),)}, renamed=(("before", "after"),))

    assert steps(update) == expected
    assert sum(found(update).downtime.values()) == seconds


def test_the_replicas_of_an_autoscaler_are_not_scaled() -> None:
    scaled = service("scaled", version(3, 4, external=True), version(3, 4, external=True))
    qwen = service("qwen", version(1, 4), version(1, 4), restarts=True)
    update = on_nodes([8, 8], [scaled, qwen], {"scaled": ((0,), (0,), (1,)), "qwen": ((1,),)})

    assert steps(update) == ["update qwen 1 → 1 delete first"]


def test_a_pair_does_not_answer_while_its_versions_differ() -> None:
    pair = [service(name, version(1, 4), version(1, 4), restarts=True) for name in ("prefill", "decode")]
    update = on_nodes([8], pair, {"prefill": ((0,),), "decode": ((0,),)}, pair=("prefill", "decode"))

    assert set(found(update).downtime) == {"prefill + decode"}


def test_a_rollout_of_the_stack_file_is_kept() -> None:
    recreate = service("qwen", version(1, 4), version(1, 4, rollout=Recreate()), restarts=True)
    both = ResolvedRollingUpdate(max_surge=1, max_unavailable=1)
    fast = service("qwen", version(2, 2), version(2, 2, rollout=both), restarts=True)

    assert steps(on_nodes([8], [recreate], {"qwen": ((0,),)})) == ["update qwen 1 → 1 delete first"]
    assert found(on_nodes([8], [fast], {"qwen": ((0,), (0,))})).seconds == START + STOP


def test_an_additional_pod_needs_npus_that_are_free_wherever_the_others_are() -> None:
    pools = {"snt9b": Pool(nodes=2, npus_per_node=8, npu_memory="64Gi")}
    qwen = service("qwen", version(1, 4), version(1, 4), restarts=True)
    small = service("small", version(5, 1), version(5, 1))
    placed = {"qwen": ((0,),), "small": ((0,),) * 4 + ((1,),)}

    with_pools = on_nodes([8, 8], [qwen, small], placed, pools=pools)

    assert found(with_pools).downtime == {}
    assert steps(with_pools)[0] == "update qwen 1 → 1 additional pod"


def test_a_gang_is_never_smaller_than_its_least_members() -> None:
    gang = service("gang", version(4, 2, min_member=3), version(4, 2, min_member=3))
    qwen = service("qwen", version(1, 8), version(1, 8), restarts=True)
    update = on_nodes([8, 8], [gang, qwen], {"gang": ((0,),) * 4, "qwen": ((1,),)})

    for step in found(update).steps:
        assert step.service != "gang" or step.after in (0, 3, 4)


def test_the_quota_of_a_queue_counts_like_missing_npus() -> None:
    queues = {"small": Queue(npus=8)}
    qwen = service("qwen", version(1, 8, queue="small"), version(1, 8, queue="small"), restarts=True)
    more = service("more", None, version(1, 4, queue="small"))

    alone = on_nodes([8, 8], [qwen], {"qwen": ((0,),)}, queues=queues)
    both = on_nodes([8, 8], [qwen, more], {"qwen": ((0,),)}, queues=queues)

    assert steps(alone) == ["update qwen 1 → 1 delete first"]
    assert plan_update(both) == NoPlan(missing=4, queue="small")


@pytest.mark.parametrize(
    ("nodes", "wanted", "missing"),
    [
        ([8], [(2, 8)], 8),
        ([8, 8], [(3, 6)], 4),
        ([8, 8], [(1, 12)], 4),
        ([4, 4], [(2, 8)], 8),
        ([8, 8], [(3, 4), (1, 8)], 4),
        ([8], [(1, 8), (1, 1)], 1),
    ],
)
def test_a_refusal_names_the_smallest_missing_number_of_npus(
    nodes: list[int], wanted: list[tuple[int, int]], missing: int
) -> None:
    services = [service(f"s{number}", None, version(*size)) for number, size in enumerate(wanted)]

    assert plan_update(on_nodes(nodes, services, {})) == NoPlan(missing)


def test_an_update_without_pods_has_no_steps() -> None:
    same = service("qwen", version(1, 8), version(1, 8))

    assert found(on_nodes([8], [same], {"qwen": ((0,),)})).steps == ()


def test_of_two_plans_without_downtime_the_one_with_fewer_npus_wins() -> None:
    qwen = service("qwen", version(2, 4), version(2, 4), restarts=True)
    update = on_nodes([8, 8], [qwen], {"qwen": ((0,), (0,))})

    assert steps(update) == ["update qwen 2 → 2 one by one"]
    assert found(update).peak == 8


@pytest.mark.slow
def test_many_services_are_planned_in_bounded_time_and_the_plan_says_that_not_all_orders_were_tried() -> None:
    services = [service(f"s{number}", version(2, 2), version(2, 2), restarts=True) for number in range(12)]
    placed: dict[str, tuple[tuple[int, ...], ...]] = {f"s{number}": ((number // 2,),) * 2 for number in range(12)}

    plan = found(on_nodes([8] * 6, services, placed))

    assert not plan.is_best
    assert plan.downtime == {}
    assert len(plan.steps) == 12


@pytest.mark.parametrize(
    ("replicas", "first"),
    [(((0,), (1,), (1,)), 2), (((1,), (1,), (0,)), 1), (((0, 1), (2, 3)), 1), (((0,), (1,)), 1)],
)
def test_a_pod_on_the_node_with_most_of_them_ends_first(replicas: tuple[tuple[int, ...], ...], first: int) -> None:
    assert leaving(replicas) == first


def test_placements_that_differ_only_in_the_order_of_the_replicas_are_different_ones() -> None:
    """Which replica is the newest decides which node is free after a service was scaled down.

    If they counted as equal, an order with a peak of 21 NPUs would seem possible.
    """
    update = on_nodes(
        [8, 8, 8],
        [
            service("s0", version(1, 8, start=900), version(1, 8, start=900), restarts=True, priority=0),
            PlannedService(
                "s0-next",
                None,
                None,
                restarts=False,
                priority=0,
                beside=Companion("s0", version(1, 8, start=900, service="s0-next"), 300),
            ),
            service("s1", version(2, 2), version(4, 1), restarts=True, priority=3),
            service("s2", version(1, 4, start=300, nodes=2), version(2, 2, start=300, nodes=2), restarts=True),
        ],
        {"s0": ((0,),), "s1": ((1,), (1,)), "s2": ((1, 2),)},
    )
    tried = board(update, {service.name for service in update.services})

    found = search(tried, Budget())

    assert found is not None
    assert found.cost == least_cost(tried)
    assert (found.cost.downtime, found.cost.peak) == (0, 24)
