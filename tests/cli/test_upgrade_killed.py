"""An upgrade that is killed at random places, again and again, is never half applied, and ends as it was meant to."""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.app import main
from plan.progress import read_progress, write_progress
from tests.cli.deployed import Deployed
from tests.cli.test_plan import commit

STACK = """\
config:
  ascend-vllm:cluster: {{context: prod, pools: {{snt9b: {{nodes: 3, npusPerNode: 8, npuMemory: 64Gi}}}}}}
  ascend-vllm:services:
    qwen:
      image: 'a:6.3.{tag}'
      model: {{source: /m/Qwen2-72B-Instruct, verify: weights.json}}
      npus: 8
      engine: {{maxModelLen: 4096}}
      update: compare
    summary:
      image: 'a:6.3.{tag}'
      model: {{source: /m/Qwen2-7B-Instruct, verify: weights.json}}
      replicas: 4
      engine: {{maxModelLen: 4096}}
"""
WEIGHTS = (
    '{{"files": {{"config.json": {{"size": 2, "sha256": "{0}"}}, "m.safetensors": {{"size": 2, "sha256": "{0}"}}}}}}'
)
FILE = "Pulumi.killed.yaml"
IN_UPDATE = 6
"""The place after the stack file was applied. Two places are before and after the progress is written, which is done
twice, and one is before the update."""


def write(project: Path, tag: int, digit: str) -> None:
    (project / FILE).write_text(STACK.format(tag=tag), encoding="utf-8")
    (project / "weights.json").write_text(WEIGHTS.format(digit * 64), encoding="utf-8")


@dataclass
class OnDisk(Deployed):
    """What Pulumi has deployed survives the command, which is killed in a process of its own."""

    moments: int = 0
    """Places that were passed."""
    killed_at: int = 0
    """The place at which the process kills itself; 0 if it does not."""

    @property
    def file(self) -> Path:
        return self.project.parent / "deployed.pickle"

    def save(self) -> None:
        self.file.write_bytes(pickle.dumps((self.texts, self.states, self.history)))

    def load(self) -> None:
        self.texts, self.states, self.history = pickle.loads(self.file.read_bytes())  # noqa: S301  our own

    def passed(self, _: str) -> None:
        self.save()
        self.moments += 1
        if self.moments == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watching(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that can be killed before and after it."""

        def watched(*arguments: Any, **named: Any) -> Any:
            self.passed("before")
            found = function(*arguments, **named)
            self.passed("after")
            return found

        return watched


@dataclass
class Killed:
    """The upgrade of a project in processes that are killed."""

    deployed: OnDisk
    monkeypatch: pytest.MonkeyPatch
    errors: list[str] = field(default_factory=list)

    def run(self, *arguments: str, killed_at: int = 0, hold: str = "") -> int:
        """Run the command in a process of its own; its exit code, which is -9 if it was killed."""
        output = self.deployed.project.parent / "output.txt"
        process = os.fork()
        if process == 0:
            code = 99
            try:
                code = self._command(arguments, killed_at, hold, output)
            finally:
                os._exit(code)
        _, status = os.waitpid(process, 0)
        self.deployed.load()
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, 1, 2, -signal.SIGKILL), output.read_text()
        return code

    def _command(self, arguments: tuple[str, ...], killed_at: int, hold: str, output: Path) -> int:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout = sys.stderr = os.fdopen(1, "w", closefd=False)
        self.deployed.killed_at = killed_at
        self.deployed.hold = hold
        sys.argv = ["ascend-vllm", "upgrade", "killed", "--from", "HEAD", *arguments]
        try:
            main()
        except SystemExit as ended:
            sys.stdout.flush()
            return int(ended.code or 0)
        sys.stdout.flush()
        return 0

    @property
    def is_over(self) -> bool:
        return read_progress(self.deployed.project / "Pulumi.killed.upgrade.json") is None


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Killed:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "200")
    (project / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n", encoding="utf-8")
    write(project, 912, "1")
    commit(project)
    deployed = OnDisk("killed", project)
    deployed.deploy()
    deployed.save()
    write(project, 913, "2")
    deployed.at = deployed.passed
    deployed.stand_in(monkeypatch)
    monkeypatch.setattr("cli.upgrade.state.write_progress", deployed.watching(write_progress))
    monkeypatch.setattr("cli.commands.upgrade.hold_of", deployed.watching(lambda _: deployed.hold))
    return Killed(deployed, monkeypatch)


def answered(objects: list[dict[str, Any]]) -> tuple[str, dict[str, int]]:
    """The service that answers the requests to `qwen`, and the replicas of all services."""
    replicas = {}
    selected = ""
    for item in objects:
        if item["kind"] == "Deployment":
            replicas[item["metadata"]["name"]] = item["spec"]["replicas"]
        if item["kind"] == "Service" and item["metadata"]["name"] == "qwen":
            selected = item["spec"]["selector"]["app.kubernetes.io/instance"]
    return selected, replicas


def assert_somebody_answers_all_the_way(deployed: OnDisk) -> None:
    """Whoever answered before an update still has pods after it: requests on their way are not lost.

    The pods of a service are replaced only while the other one answers.
    """
    states = [answered(objects) for objects in deployed.states]
    images = [yaml.safe_load(text)["config"]["ascend-vllm:services"]["qwen"]["image"] for text in deployed.texts]
    for number in range(1, len(states)):
        selected, _ = states[number - 1]
        assert states[number][1].get(selected, 0) > 0
        if images[number] != images[number - 1]:
            assert (selected, states[number][0]) == ("qwen-next", "qwen-next")


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 10, 20, 30])
def test_a_killed_upgrade_goes_on_to_either_end(tmp_path: Path, killed: Killed, first: int) -> None:
    start, kills = killed.deployed.file.read_bytes(), 0
    for seed in range(first, first + 10):
        killed.deployed.file.write_bytes(start)
        killed.deployed.load()
        draw = random.Random(seed)  # noqa: S311  the runs are the same every time
        back = draw.random() < 0.5
        kills += killed_at_random(killed, draw)
        assert_reaches_its_end(killed, back=back)
    assert kills > 20


def killed_at_random(killed: Killed, draw: random.Random) -> int:
    """Run the command in both directions, and kill it at random places; how often it was."""
    kills = 0
    for _ in range(draw.randint(3, 9)):
        if killed.is_over and killed.deployed.texts[1:]:
            break
        way = draw.choice([[], [], ["--back"], ["--promote", "wanted"], ["--until", str(draw.randint(1, 8))]])
        hold = draw.choice(["", "", "more refusals"])
        code = killed.run(*way, killed_at=draw.randint(1, 24), hold=hold)
        kills += code == -signal.SIGKILL
    return kills


def assert_reaches_its_end(killed: Killed, *, back: bool) -> None:
    deployed = killed.deployed
    if killed.is_over and len(deployed.texts) > 1:
        back = "912" in deployed.texts[-1]
    elif not killed.is_over:
        assert killed.run(*(["--back"] if back else [])) == 0, "it goes on"
    else:
        back = False
        assert killed.run() == 0
    assert killed.is_over
    assert not (deployed.project / ".ascend-vllm-upgrade").exists()
    images = {service["image"] for service in deployed.services().values()}
    assert images == {"a:6.3.912" if back else "a:6.3.913"}
    assert answered(deployed.objects) == ("qwen", {"qwen": 1, "summary": 4})
    assert_somebody_answers_all_the_way(deployed)


@pytest.mark.slow
@pytest.mark.parametrize("second", range(1, 7))
def test_a_switch_that_was_interrupted_is_undone_although_undoing_it_is_interrupted_too(
    killed: Killed, second: int
) -> None:
    """First the Service selects `qwen` again, and only then `qwen-next` is deleted."""
    deployed = killed.deployed
    assert killed.run("--until", "3") == 0
    assert killed.run("--until", "4", killed_at=IN_UPDATE) == -signal.SIGKILL
    assert answered(deployed.objects)[0] == "qwen-next"
    assert killed.run("--back", killed_at=second) == -signal.SIGKILL

    assert killed.run("--back") == 0

    assert_somebody_answers_all_the_way(deployed)
    assert answered(deployed.objects) == ("qwen", {"qwen": 1, "summary": 4})
