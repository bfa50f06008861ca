"""Plans of generated transitions: the best order, valid states, and what happens without an order."""

from __future__ import annotations

from functools import cache

import pytest

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_text
from plan import Transition, UpdatePlan, plan_update
from plan.board import board
from plan.budget import Budget
from plan.search import search
from plan.stack_files import text_after
from plan.stacks import Differences, packed, transition
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
def prepared(seed: int) -> tuple[Update, Transition]:
    update = generated(seed)
    return update, transition_of(update)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SHARES, ids=lambda seeds: f"from-{seeds.start}")
def test_no_order_of_up_to_four_services_has_less_downtime(seeds: range) -> None:
    """Each plan is also a way on which every state is a stack that `check` accepts, up to what is wanted."""
    for seed in seeds:
        update, between = prepared(seed)
        plan = plan_update(between)

        assert isinstance(plan, UpdatePlan), f"no plan of transition {seed}"
        assert plan.is_best, f"transition {seed}"
        everybody = board(between, {service.name for service in between.services})
        cost = least_cost(everybody)
        assert cost is not None
        assert plan.weighted == cost[0], f"transition {seed}"
        assert_peak_and_time_are_the_least(between)
        assert_every_state_is_accepted(update, plan)
        assert_the_end_is_what_is_wanted(update, plan)


def assert_peak_and_time_are_the_least(between: Transition) -> None:
    changing = board(between, {service.name for service in between.services if service.changes})
    found = search(changing, Budget())
    cost = least_cost(changing)
    if cost is None:
        assert found is None
        return
    downtime, peak, seconds, steps = cost
    assert found is not None
    assert found.cost == (downtime, max(peak, changing.wanted_npus), seconds, steps)


def assert_every_state_is_accepted(update: Update, plan: UpdatePlan) -> None:
    old, new = update.files
    for step in plan.steps:
        state = load_text("prod", "Pulumi.prod.yaml", text_after(old, new, step))
        report = check(resolve(state))
        assert report.errors == (), step


def assert_the_end_is_what_is_wanted(update: Update, plan: UpdatePlan) -> None:
    _, new = update.resolved
    wanted = {service.name: service.replicas for service in new.services if service.replicas}
    assert plan.peak <= plan.npus
    if plan.steps:
        last = plan.steps[-1].state
        assert {name: replicas.number for name, replicas in last.items()} == wanted
        assert all(replicas.is_new for replicas in last.values())


@pytest.mark.slow
def test_without_an_order_a_share_of_the_updates_would_hang() -> None:
    hanging = [seed for seed in range(NUMBER) if hangs(prepared(seed)[1])]

    assert len(hanging) == 94, "docs/plan.md names this number"
