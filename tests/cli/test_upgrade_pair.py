"""`ascend-vllm plan` and `upgrade` of a pair for prefill and decode whose release changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Console
from tests.cli.deployed import Deployed
from tests.cli.test_plan import commit

STACK = """\
config:
  ascend-vllm:cluster: {{context: prod, pools: {{a2: {{nodes: 1, npusPerNode: 8, npuMemory: 64Gi}}}}}}
  ascend-vllm:kvTransfer: {{prefill: front, decode: back}}
  ascend-vllm:services:
    back: {{image: 'quay.io/ascend/vllm-ascend:v{release}', model: /m/Qwen3-8B, npus: 2, replicas: {replicas},
      engine: {{maxModelLen: 8192}}}}
    front: {{image: 'quay.io/ascend/vllm-ascend:v{release}', model: /m/Qwen3-8B, npus: 2,
      engine: {{maxModelLen: 8192}}}}
    small: {{image: 'quay.io/ascend/vllm-ascend:v0.23.0', model: /m/Qwen3-8B, replicas: {small},
      engine: {{maxModelLen: 4096}}}}
"""


def write(project: Path, release: str, replicas: int = 1, small: int = 2) -> None:
    text = STACK.format(release=release, replicas=replicas, small=small)
    (project / "Pulumi.pair.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def changed(project: Path) -> Path:
    """A project in git. The pair has another release since, and another number of replicas."""
    write(project, "0.18.0", small=4)
    commit(project)
    write(project, "0.23.0", replicas=2, small=2)
    return project


def test_one_step_of_the_plan_updates_both(changed: Path, console: Console) -> None:
    done = console("plan", "pair", "--from", "HEAD")

    assert done.code == 0
    text = " ".join(done.out.split())
    assert "update back 1 → 2 and front together, delete old ones first; front + back does not answer" in text
    assert "downtime up to 12 min (front + back)" in text


def test_the_json_of_the_plan_has_both_services_of_the_step(changed: Path, console: Console) -> None:
    document = json.loads(console("plan", "pair", "--from", "HEAD", "--format", "json").out)

    (step,) = [step for step in document["steps"] if "together" in step]
    assert (step["service"], step["replicasBefore"], step["replicasAfter"]) == ("back", 1, 2)
    assert step["together"] == {
        "service": "front",
        "replicasBefore": 1,
        "replicasAfter": 1,
        "way": "delete first",
    }


@pytest.fixture
def deployed(changed: Path, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """What the revision has deployed."""
    current = (changed / "Pulumi.pair.yaml").read_text("utf-8")
    write(changed, "0.18.0", small=4)
    deployed = Deployed("pair", changed)
    deployed.deploy()
    (changed / "Pulumi.pair.yaml").write_text(current, encoding="utf-8")
    deployed.stand_in(monkeypatch)
    return deployed


def test_the_upgrade_runs_and_goes_back(deployed: Deployed, console: Console) -> None:
    assert console("upgrade", "pair", "--from", "HEAD", "--until", "2").code == 0
    assert {entry["image"][-6:] for entry in deployed.services().values()} == {"0.23.0"}

    back = console("upgrade", "pair", "--back")

    assert back.code == 0, back.err
    assert deployed.objects == deployed.states[0]


def test_no_state_of_the_upgrade_has_one_service_of_each_release(deployed: Deployed, console: Console) -> None:
    done = console("upgrade", "pair", "--from", "HEAD")

    assert done.code == 0, done.err
    assert "the upgrade is complete" in done.out
    releases = []
    for text in deployed.texts:
        services = yaml.safe_load(text)["config"]["ascend-vllm:services"]
        releases.append((services["front"]["image"][-6:], services["back"]["image"][-6:]))
    assert set(releases) == {("0.18.0", "0.18.0"), ("0.23.0", "0.23.0")}


def test_an_upgrade_that_is_killed_while_both_are_updated_continues(
    project: Path, console: Console, deployed: Deployed
) -> None:
    """Both services already have their new pods, but the history of the stack does not have the step."""
    write(project, "0.23.0", small=4)

    def kill(place: str) -> None:
        deployed.at = lambda _: None
        if place == "before the update":
            deployed.at = kill
        if place == "in the update":
            raise KeyboardInterrupt

    deployed.at = kill
    console("upgrade", "pair", "--from", "HEAD")
    assert deployed.services()["front"]["image"].endswith("0.23.0")
    assert len(deployed.history) == 1

    done = console("upgrade", "pair")

    assert done.code == 0, done.err
    assert "the upgrade is complete" in done.out
