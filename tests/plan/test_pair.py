"""Plans of a pair for prefill and decode of which neither service may be updated alone."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.manifests import stack_objects
from models.stack_file.keys.operation import RollingUpdate
from plan import PlannedService, Step, Transition, UpdatePlan, plan_update
from plan.board import board
from plan.budget import Budget
from plan.search import search
from plan.stack_files import text_after, text_before, undone
from tests.plan.brute_force import least_cost
from tests.plan.test_every_state import Files, Upgraded, assert_is_exact
from tests.plan.transitions import START, STOP, on_nodes, service, version

PAIR = ("front", "back")


def at_once(sizes: list[int], services: list[PlannedService], placed: dict[str, Any]) -> Transition:
    return on_nodes(sizes, services, placed, pair=PAIR, pair_at_once=PAIR)


def planned(update: Transition) -> UpdatePlan:
    plan = plan_update(update)
    assert isinstance(plan, UpdatePlan)
    return plan


def updated(step: Step) -> list[str]:
    together = step.together
    return [step.service] + ([together.service] if together else [])


def test_both_services_are_updated_in_one_step_and_are_down_once() -> None:
    pair = [service(name, version(1, 4), version(1, 4), restarts=True) for name in PAIR]

    plan = planned(at_once([8], pair, {"front": ((0,),), "back": ((0,),)}))

    (step,) = plan.steps
    assert updated(step) == ["front", "back"]
    assert step.downtime == {"front + back": START}
    assert (step.seconds, step.peak) == (STOP + START, 8)


def test_the_larger_service_is_updated_first_and_the_pair_waits_for_the_other_one() -> None:
    pair = [
        service("front", version(2, 2), version(2, 2), restarts=True),
        service("back", version(1, 4), version(1, 4, start=2 * START), restarts=True),
    ]

    (step,) = planned(at_once([8], pair, {"front": ((0,), (0,)), "back": ((0,),)})).steps

    assert updated(step) == ["back", "front"]
    assert step.downtime == {"front + back": 2 * START}
    assert step.seconds == STOP + 2 * START


def test_the_rollout_of_the_stack_file_is_kept_and_all_of_it_counts_as_downtime() -> None:
    rollout = RollingUpdate(max_surge=1, max_unavailable=0)
    pair = [
        service("front", version(1, 2), version(1, 2, rollout=rollout), restarts=True),
        service("back", version(1, 2), version(1, 2), restarts=True),
    ]

    (step,) = planned(at_once([8], pair, {"front": ((0,),), "back": ((0,),)})).steps

    assert (step.way, step.together and step.together.way) == ("additional pod", "delete first")
    assert sum(step.downtime.values()) == step.seconds == 2 * (STOP + START)


def test_a_pair_may_be_scaled_before_and_after_its_update() -> None:
    """`back` grows into the NPUs that `other` frees. All of `front` stays in one version with it."""
    pair = [
        service("front", version(1, 4), version(2, 4), restarts=True),
        service("back", version(1, 4), version(1, 4), restarts=True),
    ]
    other = service("other", version(1, 4), None)
    placed: dict[str, Any] = {"front": ((0,),), "back": ((0,),), "other": ((1,),)}

    plan = planned(at_once([8, 4], [*pair, other], placed))

    assert [step.kind for step in plan.steps] == ["delete", "update"]
    assert plan.steps[1].state["front"].number == 2


def generated(seed: int) -> Transition:
    """A pair and up to two other services on nodes that are full, or nearly."""
    draw = random.Random(seed)  # noqa: S311  the transitions are the same in every run
    sizes = [8] * draw.randint(1, 2)
    free = sizes.copy()
    services = []
    placed: dict[str, Any] = {}
    for name in (*PAIR, "other", "further")[: draw.randint(2, 4)]:
        npus = draw.choice([1, 2, 4])
        nodes = []
        for _ in range(draw.randint(1, 2)):
            fitting = [node for node, its_free in enumerate(free) if its_free >= npus]
            if fitting:
                free[fitting[0]] -= npus
                nodes.append((fitting[0],))
        placed[name] = tuple(nodes)
        old = version(len(nodes), npus, start=draw.choice([300, 600])) if nodes else None
        new = version(draw.randint(0, 2), draw.choice([npus, npus, 2, 4]), start=draw.choice([300, 600]))
        restarts = name in PAIR or draw.random() < 0.5
        if not restarts and old:
            new = version(new.replicas, npus)
        services.append(service(name, old, new, restarts=restarts, priority=draw.choice([1, 1, 3])))
    return at_once(sizes, services, placed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 160, 40))
def test_no_other_order_is_better_and_no_state_is_mixed(first: int) -> None:
    together = 0
    for seed in range(first, first + 40):
        between = generated(seed)
        everybody = board(between, {service.name for service in between.services})
        found = search(everybody, Budget())
        cost = least_cost(everybody)
        if cost is None:
            assert found is None, seed
            continue
        downtime, peak, seconds, steps = cost
        assert found is not None, seed
        assert found.cost == (downtime, max(peak, everybody.wanted_npus), seconds, steps), seed
        for taken in found.steps:
            running = [taken.move.state[index] for index in (0, 1)]
            assert len({one.is_new for one in running if one}) < 2, seed
            together += bool(taken.move.together)
    assert together > 10


@pytest.mark.slow
def test_a_pair_without_this_need_has_the_plan_that_it_would_have_without_the_step_for_both() -> None:
    """The step for both is not offered: each step changes one service."""
    for seed in range(40):
        plan = plan_update(replace(generated(seed), pair_at_once=()))
        if isinstance(plan, UpdatePlan):
            assert all(step.together is None for step in plan.steps)


@dataclass(frozen=True)
class PairFiles(Files):
    """A revision with a pair."""

    pair: dict[str, Any] | None = None
    nodes: int = 3

    def write(self, directory: Path) -> None:
        super().write(directory)
        file = directory / "Pulumi.prod.yaml"
        content = yaml.safe_load(file.read_text())
        pools = {"a2": {"nodes": self.nodes, "npusPerNode": 8, "npuMemory": "64Gi"}}
        content["config"]["ascend-vllm:cluster"] = {"context": "prod", "pools": pools}
        if self.pair:
            content["config"]["ascend-vllm:kvTransfer"] = self.pair
        file.write_text(yaml.safe_dump(content))


def member(release: str, npus: int, replicas: int = 1, **engine: Any) -> dict[str, Any]:
    return {
        "image": f"quay.io/ascend/vllm-ascend:v{release}",
        "model": "/mnt/models/Qwen3-8B",
        "npus": npus,
        "replicas": replicas,
        "engine": {"maxModelLen": 8192, "tensorParallelSize": npus, **engine},
    }


MOONCAKE = {"prefill": "front", "decode": "back"}


def revisions(seed: int) -> tuple[PairFiles, PairFiles]:
    """A pair of 0.18.0 that becomes one of 0.23.0, with other services that are updated, too."""
    draw = random.Random(seed)  # noqa: S311  the revisions are the same in every run
    old = {}
    new = {}
    for name in (*PAIR, "a", "b")[: draw.randint(2, 4)]:
        npus = draw.choice([2, 4]) if name == "front" else draw.choice([1, 2])
        old[name] = member("0.18.0", npus, draw.choice([1, 2]))
        new[name] = member("0.23.0", npus, draw.choice([1, 1, 2]))
        if name in ("a", "b") and draw.random() < 0.3:
            new[name] = member("0.18.0", npus, draw.choice([0, 1, 2]))
    later = draw.choice([MOONCAKE, MOONCAKE, {**MOONCAKE, "port": 40000}])
    before = draw.choice([MOONCAKE, MOONCAKE, None]) if later == MOONCAKE else MOONCAKE
    nodes = 3
    return PairFiles(old, {}, {}, {}, before, nodes), PairFiles(new, {}, {}, {}, later, nodes)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 48, 12))
def test_check_accepts_every_state_and_both_services_change_together(tmp_path: Path, first: int) -> None:
    for seed in range(first, first + 12):
        upgraded = Upgraded(tmp_path / str(seed), *revisions(seed))
        before: Step | None = None
        for step in upgraded.steps():
            assert step.state["front"].is_new == step.state["back"].is_new, seed
            state = upgraded.state(text_after(upgraded.old, upgraded.new, step))
            assert_is_exact(upgraded, state, step)
            wanted = upgraded.after if step.state["front"].is_new else upgraded.before
            assert state.kv_transfer == wanted.kv_transfer, seed
            if before is not None:
                back = undone(step, before)
                assert_is_exact(upgraded, upgraded.state(text_after(upgraded.old, upgraded.new, back)), back)
            before = step
        start = upgraded.state(text_before(upgraded.old, upgraded.new))
        assert list(stack_objects(start)) == list(stack_objects(upgraded.before))


@pytest.mark.parametrize(
    "after",
    [
        {"front": member("0.18.0", 2, 2), "back": member("0.18.0", 2)},
        {"front": member("0.18.0-openeuler", 2), "back": member("0.18.0-openeuler", 2)},
    ],
    ids=["a number of replicas", "another image of the release"],
)
def test_a_change_that_keeps_the_agreement_is_made_service_by_service(tmp_path: Path, after: dict[str, Any]) -> None:
    before = {name: member("0.18.0", 2) for name in PAIR}
    upgraded = Upgraded(tmp_path, PairFiles(before, {}, {}, {}, MOONCAKE), PairFiles(after, {}, {}, {}, MOONCAKE))

    for step in upgraded.steps():
        assert step.together is None
        upgraded.state(text_after(upgraded.old, upgraded.new, step))


@pytest.mark.parametrize(
    "engine",
    [{"blockSize": 64}, {"dtype": "float16"}, {"servedModelName": ["m"]}],
    ids=lambda engine: next(iter(engine)),
)
def test_whatever_both_have_to_agree_on_is_changed_in_one_step(tmp_path: Path, engine: dict[str, Any]) -> None:
    before = {name: member("0.23.0", 2) for name in PAIR}
    after = {name: member("0.23.0", 2, **engine) for name in PAIR}
    upgraded = Upgraded(tmp_path, PairFiles(before, {}, {}, {}, MOONCAKE), PairFiles(after, {}, {}, {}, MOONCAKE))

    (step,) = upgraded.steps()

    assert sorted(updated(step)) == ["back", "front"]
    upgraded.state(text_after(upgraded.old, upgraded.new, step))


def test_a_pair_without_pods_keeps_its_version_until_its_step(tmp_path: Path) -> None:
    """`front` has no pods. As long as `back` is old, the stack file has the old `front`."""
    before = {"front": member("0.18.0", 2, 0), "back": member("0.18.0", 2), "a": member("0.18.0", 1)}
    after = {"front": member("0.23.0", 2), "back": member("0.23.0", 2), "a": member("0.23.0", 1)}
    upgraded = Upgraded(tmp_path, PairFiles(before, {}, {}, {}, MOONCAKE), PairFiles(after, {}, {}, {}, MOONCAKE))

    for step in upgraded.steps():
        assert_is_exact(upgraded, upgraded.state(text_after(upgraded.old, upgraded.new, step)), step)
