"""How an upgrade goes on after a comparison. tests/e2e/test_upgrade_beside.py runs it with Pulumi and Volcano."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.comparison.run import Pair
from cli.errors import CommandError, ExitCode
from cli.upgrade.comparison import NextLaunch, hold_of
from models.service.resolve import resolve
from models.stack_file.parse import parse_stack
from tests.cli.conftest import Console
from tests.cli.deployed import Deployed
from tests.cli.test_plan import commit, write_beside
from tests.client.comparison.model_server import Model, Served, serving

pytestmark = pytest.mark.slow


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


def test_a_promoted_launch_goes_all_the_way_and_ends_with_the_stack_file_itself(
    project: Path, deployed: Deployed, console: Console
) -> None:
    done = upgrade(console)

    assert done.code == 0, done.err
    assert "the upgrade is complete" in done.out
    assert deployed.texts[-1] == (project / "Pulumi.beside.yaml").read_text("utf-8")
    assert len(deployed.texts) - 1 == 6, "start, switch, update, switch back, delete, the stack file itself"
    assert not list(project.glob("*.upgrade.json"))


def test_a_hold_stops_before_the_switch_and_the_same_command_compares_again(
    deployed: Deployed, console: Console
) -> None:
    deployed.hold = "more refusals"
    held = upgrade(console)

    assert held.code == 1
    assert "the upgrade stops before step 3, because compare holds qwen-next: more refusals" in held.err
    assert "--back removes qwen-next" in held.err
    assert deployed.answering() == "qwen"
    assert set(deployed.services()) == {"qwen", "qwen-next", "summary"}
    assert upgrade(console).code == 1
    deployed.hold = ""
    assert upgrade(console).code == 0


def test_a_hold_is_passed_only_with_a_reason_that_the_history_keeps(deployed: Deployed, console: Console) -> None:
    assert upgrade(console, "--until", "1").code == 0
    refused = upgrade(console, "--promote", "too early")
    deployed.hold = "more refusals"
    upgrade(console)

    passed = upgrade(console, "--promote", "wanted,\n key sk-abcdefghijklmnopqrstuvwxyz0123456789", "--until", "3")

    assert refused.code == 2
    assert "no comparison has held the upgrade" in refused.err
    assert passed.code == 0, passed.err
    assert deployed.answering() == "qwen-next"
    assert deployed.messages[-1].startswith("switch qwen to qwen-next although compare held it: wanted, key ")
    assert "abcdefghijklmnop" not in deployed.messages[-1] + passed.out
    assert "qwen was switched although compare held it" in upgrade(console).out


def test_a_comparison_that_could_not_be_made_is_no_hold_that_can_be_passed(
    deployed: Deployed, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> str:
        raise CommandError("interrupted", "run it again", ExitCode.COULD_NOT_RUN)

    with monkeypatch.context() as patched:
        patched.setattr("cli.commands.upgrade.hold_of", interrupted)
        assert upgrade(console).code == 3
        assert upgrade(console, "--promote", "in a hurry").code == 2
        deployed.hold = "more refusals"
    assert upgrade(console).code == 1
    with monkeypatch.context() as patched:
        patched.setattr("cli.commands.upgrade.hold_of", interrupted)
        assert upgrade(console).code == 3

    assert upgrade(console, "--promote", "other answers are wanted").code == 0


@pytest.mark.parametrize("until", ["1", "3", "4", "5", "6"])
def test_each_step_can_be_undone_and_the_service_answers_all_the_way(
    project: Path, deployed: Deployed, console: Console, until: str
) -> None:
    before = yaml.safe_load(deployed.texts[0])["config"]["ascend-vllm:services"]
    assert upgrade(console, "--until", until).code == 0

    undone = upgrade(console, "--back")

    assert undone.code == 0, undone.err
    assert deployed.services() == {**before, "qwen": {**before["qwen"], "image": "a:6.3.912"}}
    assert not list(project.glob("*.upgrade.json"))


def test_the_second_service_is_watched_for_changes_by_others(deployed: Deployed, console: Console) -> None:
    assert upgrade(console, "--until", "3").code == 0
    deployed.workload("qwen-next")["spec"]["replicas"] = 0

    done = upgrade(console)

    assert done.code == 1
    assert "somebody else has changed the stack: qwen-next has 0 replicas instead of 1" in done.err


@dataclass(frozen=True)
class Addressed(NextLaunch):
    """A next launch whose servers are reached by addresses, as with `compare --url-a`."""

    urls: tuple[str, str] = ("", "")

    @property
    def pair(self) -> Pair:
        pair = super().pair
        a = replace(pair.a, options=replace(pair.a.options, url=self.urls[0]))
        b = replace(pair.b, options=replace(pair.b.options, url=self.urls[1]))
        return replace(pair, a=a, b=b)


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., NextLaunch]:
    entry = {
        "image": "quay.io/ascend/vllm-ascend:v0.23.0",
        "model": "/m/Qwen2-7B-Instruct",
        "engine": {"maxModelLen": 4096, "servedModelName": "m"},
    }
    wanted = {**entry, "update": {"kind": "compare", "rounds": 0}}
    values = {"cluster": {"context": "prod"}, "services": {"qwen": entry, "qwen-next": entry}}
    running = resolve(parse_stack("prod", "-", values, {}))
    (service,) = resolve(parse_stack("prod", "-", {**values, "services": {"qwen": wanted}}, {})).services

    def made(*urls: str) -> NextLaunch:
        return Addressed(service, running, tmp_path / "report.json", urls=(urls[0], urls[1]))

    return made


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "is_held"), [(1, False), (2, True)])
def test_the_comparison_holds_other_weights_and_writes_its_report(
    launch: Callable[..., NextLaunch], tmp_path: Path, weights: int, is_held: bool
) -> None:
    with serving(Served(Model())) as present, serving(Served(Model(weights=weights))) as following:
        held = hold_of(launch(present.url, following.url))

    assert bool(held) is is_held
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["verdict"] == ("hold" if is_held else "promote")
    assert (report["a"], report["b"]) == ("qwen", "qwen-next")


@pytest.mark.slow
def test_the_report_of_a_comparison_is_not_written_through_a_link(
    launch: Callable[..., NextLaunch], tmp_path: Path
) -> None:
    (tmp_path / "report.json").symlink_to(tmp_path / "elsewhere.json")
    with serving(Served(Model())) as server, pytest.raises(CommandError, match=r"report\.json cannot be written"):
        hold_of(launch(server.url, server.url))

    assert not (tmp_path / "elsewhere.json").exists()
