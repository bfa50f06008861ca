"""A change by somebody else stops an upgrade, and what the upgrade itself causes does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.pulumi import PastUpdate
from tests.cli.conftest import Console
from tests.cli.deployed import Deployed
from tests.cli.test_plan import commit, write_beside

DELETED = "2026-11-30T12:00:00Z"


@pytest.fixture
def deployed(project: Path, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    write_beside(project, tag=912, nodes=3)
    commit(project)
    made = Deployed("beside", project)
    made.deploy()
    write_beside(project, tag=913, nodes=3)
    made.stand_in(monkeypatch)
    return made


def upgrade(console: Console, *arguments: str) -> Any:
    return console("upgrade", "beside", "--from", "HEAD", *arguments)


def test_each_step_has_its_own_message_in_the_history_of_the_stack(deployed: Deployed, console: Console) -> None:
    assert upgrade(console, "--until", "3").code == 0
    assert upgrade(console, "--back").code == 0

    titles = [message.partition(" (")[0] for message in deployed.messages[1:]]
    assert titles == [
        "start qwen-next",
        "switch qwen to qwen-next",
        "undo switch qwen to qwen-next",
        "undo start qwen-next",
    ]
    assert len({message.partition(" (")[2].partition(",")[0] for message in deployed.messages[1:]}) == 1
    assert deployed.messages[2].endswith(", step 3 of 7)")


def test_an_update_of_the_stack_between_two_steps_stops_the_upgrade(deployed: Deployed, console: Console) -> None:
    assert upgrade(console, "--until", "3").code == 0
    deployed.record("hotfix")

    done = upgrade(console)

    assert done.code == 1
    assert "somebody else has changed the stack: its last update began at 4, which is not that of a step" in done.err


def test_an_update_of_the_stack_during_a_step_stops_the_upgrade_after_it(deployed: Deployed, console: Console) -> None:
    """It came after the look at the history, and before the step had the lock of the stack."""

    def meanwhile(place: str) -> None:
        if place == "before the update" and len(deployed.history) == 2:
            deployed.record("hotfix")

    deployed.at = meanwhile

    done = upgrade(console)

    assert done.code == 1
    assert "its update began at 3, which is not that of a step" in done.err
    assert upgrade(console).code == 1, "it stops again until somebody has decided"


def test_an_update_by_another_upgrade_is_not_one_of_this_one(deployed: Deployed, console: Console) -> None:
    assert upgrade(console, "--until", "1").code == 0
    deployed.history.append(PastUpdate("3", "start qwen-next (ascend-vllm upgrade 0000, step 1 of 7)"))

    assert "somebody else has changed the stack" in upgrade(console).err


def test_an_update_of_a_step_that_has_ended_long_ago_is_not_one_of_the_next_step(
    deployed: Deployed, console: Console
) -> None:
    assert upgrade(console, "--until", "3").code == 0
    deployed.record(deployed.messages[1])

    assert "somebody else has changed the stack" in upgrade(console).err


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("image", "summary has another pod template"),
        ("selector", "the Service of qwen selects other pods"),
        ("deleted", "summary has 0 replicas instead of 4"),
    ],
)
def test_a_change_in_the_cluster_between_two_steps_stops_the_upgrade(
    deployed: Deployed, console: Console, change: str, problem: str
) -> None:
    assert upgrade(console, "--until", "1").code == 0
    if change == "image":
        deployed.workload("summary")["spec"]["template"]["spec"]["containers"][0]["image"] = "b:1"
    if change == "deleted":
        deployed.workload("summary")["metadata"]["deletionTimestamp"] = DELETED
    if change == "selector":
        for item in deployed.objects:
            if item["kind"] == "Service" and item["metadata"]["name"] == "qwen":
                item["spec"]["selector"] = {"app.kubernetes.io/instance": "summary"}

    done = upgrade(console)

    assert done.code == 1
    assert f"somebody else has changed the stack: {problem}" in done.err


def test_pods_that_still_complete_their_requests_are_no_change(deployed: Deployed, console: Console) -> None:
    """The Deployment of the second service is deleted last, when its pods have ended."""
    assert upgrade(console, "--until", "5").code == 0
    still = {**deployed.workload("qwen-next")}
    still["metadata"] = {**still["metadata"], "deletionTimestamp": DELETED, "generation": 9}

    def drains(place: str) -> None:
        if place == "in the update" and all(item["metadata"]["name"] != "qwen-next" for item in deployed.objects):
            deployed.objects.append(still)

    deployed.at = drains

    done = upgrade(console)

    assert done.code == 0, done.err


def test_a_rollout_that_goes_on_is_no_change(deployed: Deployed, console: Console) -> None:
    assert upgrade(console, "--until", "4").code == 0
    for item in deployed.objects:
        item["status"] = {"observedGeneration": 12, "unavailableReplicas": 1}
        item["metadata"]["generation"] = 13

    assert upgrade(console).code == 0


def test_an_update_by_somebody_else_while_a_step_was_interrupted_is_seen(deployed: Deployed, console: Console) -> None:
    class KilledError(BaseException):
        pass

    def kill(place: str) -> None:
        if place == "after the update" and len(deployed.history) == 3:
            raise KilledError

    deployed.at = kill
    with pytest.raises(KilledError):
        upgrade(console)
    deployed.at = lambda _: None
    deployed.workload("summary")["spec"]["template"]["spec"]["containers"][0]["image"] = "b:1"

    done = upgrade(console)

    assert done.code == 1
    assert "summary has another pod template" in done.err
