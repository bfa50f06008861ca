"""Services whose next launch is compared with the present one before it answers."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import pytest

from models.stack_file.keys.operation import Queue
from plan import Node, NoPlan, PlannedService, Transition, UpdatePlan, Version, plan_update
from plan.board import SWITCH, board
from plan.transition import Companion
from tests.plan.brute_force import least_cost
from tests.plan.test_generated import assert_every_state_is_accepted, assert_the_end_is_what_is_wanted, transition_of
from tests.plan.transitions import START, STOP, generated_with_comparison, on_nodes, service, version

COMPARISON = 300
SEEDS = range(35)


def beside(name: str, launch: Version) -> PlannedService:
    """The next launch of a service."""
    companion = f"{name}-next"
    version = replace(launch, demand=replace(launch.demand, service=companion))
    return PlannedService(companion, None, None, restarts=False, beside=Companion(name, version, COMPARISON))


def compared(name: str, npus: int, replicas: int = 1, answering: int = 0, **further: Any) -> list[PlannedService]:
    """A service that gets another launch of the same size, and its companion."""
    present = version(replicas, npus, **further)
    return [
        service(name, present, present, restarts=True),
        beside(name, version(answering or replicas, npus, **further)),
    ]


def steps(transition: Transition) -> list[str]:
    return [
        f"{step.kind} {step.service} {step.before} → {step.after} {step.way}".rstrip() for step in found(transition)
    ]


def found(transition: Transition) -> list[Any]:
    plan = plan_update(transition)
    assert isinstance(plan, UpdatePlan), plan
    return list(plan.steps)


def test_the_next_launch_starts_beside_the_service_and_gives_the_requests_back_in_the_end() -> None:
    update = on_nodes([8, 8], compared("qwen", 8), {"qwen": ((0,),)})

    assert steps(update) == [
        "start qwen-next 0 → 1",
        "compare qwen 1 → 1",
        "switch qwen 1 → 1",
        "update qwen 1 → 1 delete first",
        "switch back qwen 1 → 1",
        "delete qwen-next 1 → 0",
    ]
    taken = found(update)
    assert [step.seconds for step in taken] == [START, COMPARISON, SWITCH, STOP + START, SWITCH, STOP]
    assert [step.switched for step in taken] == [(), (), ("qwen",), ("qwen",), (), ()]
    assert [step.companions for step in taken] == [{"qwen-next": "qwen"}] * 5 + [{}]
    assert [set(step.state) for step in taken] == [{"qwen", "qwen-next"}] * 5 + [{"qwen"}]
    assert {step.peak for step in taken} == {16}
    plan = plan_update(update)
    assert isinstance(plan, UpdatePlan)
    assert (plan.downtime, plan.is_best) == ({}, True)


def test_another_service_makes_room_for_a_while() -> None:
    summary = service("summary", version(4, 2), version(4, 2))
    update = on_nodes([8, 4], [*compared("qwen", 4), summary], {"qwen": ((1,),), "summary": ((0,),) * 4})

    assert steps(update)[:2] == ["scale summary 4 → 2", "start qwen-next 0 → 1"]
    assert steps(update)[-1] == "scale summary 2 → 4"


def test_a_service_that_waits_for_the_verdict_is_never_stopped_to_make_room() -> None:
    """`other` cannot start in the place of `qwen`, whose pods are the only ones that answer."""
    other = service("other", None, version(1, 8))
    update = on_nodes([8, 8], [*compared("qwen", 8), other], {"qwen": ((0,),)})

    assert "stop qwen" not in " ".join(steps(update))
    assert steps(update)[0] == "start qwen-next 0 → 1"


def test_as_many_pods_answer_at_any_moment_as_the_next_launch_has() -> None:
    placed = {"qwen": ((0,), (0,))}
    both = plan_update(on_nodes([8], compared("qwen", 4, replicas=2), placed))
    one = on_nodes([8], compared("qwen", 4, replicas=2, answering=1), placed)

    assert both == NoPlan(missing=8, beside="qwen")
    assert steps(one)[:2] == ["scale qwen 2 → 1", "start qwen-next 0 → 1"]
    for step in found(one):
        answering = step.state["qwen-next" if step.switched else "qwen"]
        assert answering.number >= 1


def test_without_room_the_refusal_has_the_smallest_number_of_missing_npus() -> None:
    update = on_nodes([8], compared("qwen", 6), {"qwen": ((0,),)})

    assert plan_update(update) == NoPlan(missing=4, beside="qwen")


def test_the_quota_of_a_queue_counts_both_launches() -> None:
    services = compared("qwen", 4, queue="team")
    update = on_nodes([8, 8], services, {"qwen": ((0,),)}, queues={"team": Queue(npus=6)})

    assert plan_update(update) == NoPlan(missing=2, queue="team", beside="qwen")


def test_groups_over_several_nodes_are_compared_as_a_whole() -> None:
    update = on_nodes([8, 8, 8, 8], compared("deepseek", 8, nodes=2), {"deepseek": ((0, 1),)})

    assert steps(update)[:3] == ["start deepseek-next 0 → 1", "compare deepseek 1 → 1", "switch deepseek 1 → 1"]
    assert found(update)[0].peak == 32


def test_two_services_use_the_same_free_node_one_after_the_other() -> None:
    services = [*compared("a", 8), *compared("b", 8)]
    update = on_nodes([8, 8, 8], services, {"a": ((0,),), "b": ((1,),)})

    names = [step for step in steps(update) if "-next" in step]
    first = names[0].split()[1]
    assert names[:2] == [f"start {first} 0 → 1", f"delete {first} 1 → 0"]
    assert len(names) == 4


@pytest.mark.parametrize("number", [20, 30])
def test_many_services_are_compared_too(number: int) -> None:
    services: list[PlannedService] = []
    placed = {}
    for index in range(number):
        services += compared(f"s{index}", 1)
        placed[f"s{index}"] = ((index // 8,),)
    update = on_nodes([8] * 5, services, placed)

    kinds = [step.split()[0] for step in steps(update)]
    assert kinds.count("compare") == number
    assert kinds.count("delete") == number


@pytest.mark.slow
def test_no_order_with_comparisons_has_less_downtime_and_each_state_is_accepted() -> None:
    refused = 0
    companions = 0
    for seed in SEEDS:
        update = generated_with_comparison(seed)
        between = transition_of(update)
        plan = plan_update(between)
        cost = least_cost(board(between, {service.name for service in between.services}))
        if isinstance(plan, NoPlan):
            assert cost is None, f"transition {seed}"
            refused += 1
            continue

        assert plan.is_best
        assert cost is not None
        assert plan.weighted == cost[0], f"transition {seed}"
        assert_every_state_is_accepted(update, plan)
        assert_the_end_is_what_is_wanted(update, plan)
        companions += sum(step.kind == "compare" for step in plan.steps)
    assert refused == 2
    assert companions >= 20


@pytest.mark.slow
def test_with_the_missing_npus_there_is_a_plan_and_with_fewer_there_is_none() -> None:
    refused = 0
    for seed in (32, 74, 114):
        between = transition_of(generated_with_comparison(seed))
        plan = plan_update(between)
        assert isinstance(plan, NoPlan)

        assert any(is_possible(between, ways) for ways in places(between, plan.missing)), f"transition {seed}"
        assert not any(is_possible(between, ways) for ways in places(between, plan.missing - 1)), f"transition {seed}"
        refused += 1
    assert refused == 3


def places(between: Transition, npus: int) -> list[tuple[int, ...]]:
    """All ways to add NPUs to nodes, or to an additional one."""
    return list(combinations_with_replacement(range(len(between.nodes) + 1), npus))


def is_possible(between: Transition, added: tuple[int, ...]) -> bool:
    sizes = [node.npus for node in between.nodes] + [0]
    for node in added:
        sizes[node] += 1
    nodes = tuple(Node(str(number), npus) for number, npus in enumerate(sizes))
    return isinstance(plan_update(replace(between, nodes=nodes, pools={})), UpdatePlan)


def test_a_service_whose_downtime_counts_is_not_stopped_for_a_comparison() -> None:
    summary = service("summary", version(1, 8), version(1, 8))
    placed = {"qwen": ((0,),), "summary": ((1,),)}
    counts = on_nodes([8, 8], [*compared("qwen", 8), summary], placed)
    counts_not = on_nodes([8, 8], [*compared("qwen", 8), replace(summary, priority=0)], placed)

    assert plan_update(counts) == NoPlan(missing=8, beside="qwen")
    assert steps(counts_not)[:2] == ["stop summary 1 → 0", "start qwen-next 0 → 1"]
