"""Plans of generated transitions: the best order, valid states, and what happens without an order."""

from __future__ import annotations

from functools import cache

import pytest

from models.check import check
from models.service.resolve import resolve
from plan import Transition, UpdatePlan, plan_update
from plan.board import board
from plan.search import Budget, search
from plan.stacks import Differences, packed, transition
from plan.states import state_after
from review import compare
from tests.plan.brute_force import least_cost
from tests.plan.naive import hangs
from tests.plan.transitions import Update, generated

NUMBER = 210
SHARES = [range(start, start + 35) for start in range(0, NUMBER, 35)]


def transition_of(update: Update) -> Transition:
    old, new = update.resolved
    change = compare(old, new)
    differences = Differences({service.name for service in change.restarting}, change.renamed)
    return transition(old, new, differences, packed(old, new))


@cache
def planned(seed: int) -> tuple[Update, Transition, UpdatePlan]:
    update = generated(seed)
    between = transition_of(update)
    plan = plan_update(between)
    assert isinstance(plan, UpdatePlan), f"no plan of transition {seed}"
    return update, between, plan


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SHARES, ids=lambda seeds: f"from-{seeds.start}")
def test_no_order_of_up_to_four_services_has_less_downtime(seeds: range) -> None:
    for seed in seeds:
        _, between, plan = planned(seed)
        everybody = board(between, {service.name for service in between.services})
        cost = least_cost(everybody)

        assert plan.is_best, f"transition {seed}"
        assert cost is not None
        assert plan.weighted == cost[0], f"transition {seed}"


@pytest.mark.slow
def test_with_the_same_downtime_the_peak_and_then_the_time_are_the_least() -> None:
    for seed in range(NUMBER):
        _, between, _ = planned(seed)
        changing = board(between, {service.name for service in between.services if service.changes})
        found = search(changing, Budget())
        cost = least_cost(changing)

        assert (found and found.cost) == (cost and (cost[0], max(cost[1], changing.wanted_npus), *cost[2:])), seed


@pytest.mark.slow
def test_every_state_on_the_way_is_a_stack_that_check_accepts() -> None:
    for seed in range(NUMBER):
        update, _, plan = planned(seed)
        for step in plan.steps:
            report = check(resolve(state_after(update.old, update.new, step)))

            assert report.errors == (), f"transition {seed}, {step}"


@pytest.mark.slow
def test_every_plan_ends_with_what_is_wanted_within_the_npus_that_there_are() -> None:
    for seed in range(NUMBER):
        update, _, plan = planned(seed)
        _, new = update.resolved
        wanted = {service.name: service.replicas for service in new.services if service.replicas}

        assert plan.peak <= plan.npus
        if plan.steps:
            last = plan.steps[-1].state
            assert {name: replicas.number for name, replicas in last.items()} == wanted, f"transition {seed}"
            assert all(replicas.is_new for replicas in last.values())


@pytest.mark.slow
def test_without_an_order_a_share_of_the_updates_would_hang() -> None:
    hanging = [seed for seed in range(NUMBER) if hangs(planned(seed)[1])]

    assert len(hanging) == 94, "docs/plan.md names this number"
