"""`ascend-vllm upgrade` before its first step; tests/e2e/test_upgrade.py runs the steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.pulumi import up
from tests.cli.conftest import Console
from tests.cli.deployed import Deployed
from tests.cli.test_plan import commit, write, write_beside


@pytest.fixture
def changed(project: Path) -> Path:
    """A project in git whose stack has changed since."""
    write(project, nodes=3)
    commit(project)
    write(project, nodes=3, tag=913)
    return project


def test_a_dry_run_shows_the_plan_and_needs_no_pulumi(changed: Path, console: Console) -> None:
    planned = console("plan", "full", "--from", "HEAD")

    assert console("upgrade", "full", "--from", "HEAD", "--dry-run") == planned
    assert not list(changed.glob("*.upgrade.json"))


@pytest.mark.parametrize("argument", ["-", "Pulumi.full.yaml", "./Pulumi.full.yaml"])
def test_only_a_stack_of_the_project_can_be_upgraded(changed: Path, console: Console, argument: str) -> None:
    done = console("upgrade", argument)

    assert done.code == 2
    assert "upgrade runs a stack of the project" in done.err


def test_without_a_plan_nothing_is_run(changed: Path, console: Console) -> None:
    write(changed, nodes=3, tag=913, replicas=5)

    done = console("upgrade", "full", "--from", "HEAD")

    assert done.code == 1
    assert "no plan: 4 NPUs are missing on the nodes" in done.err


def test_without_pulumi_nothing_is_run(changed: Path, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    (changed / "bin").mkdir()
    (changed / "bin" / "git").symlink_to("/usr/bin/git")
    monkeypatch.setenv("PATH", str(changed / "bin"))

    done = console("upgrade", "full", "--from", "HEAD")

    assert done.code == 3
    assert "pulumi cannot be run" in done.err
    assert not list(changed.glob("*.upgrade.json"))


def test_a_broken_progress_is_reported(changed: Path, console: Console) -> None:
    (changed / "Pulumi.full.upgrade.json").write_text("{")

    done = console("upgrade", "full")

    assert done.code == 3
    assert "Pulumi.full.upgrade.json cannot be read: it is not the progress of an upgrade" in done.err


def test_what_has_not_begun_cannot_be_undone(changed: Path, console: Console) -> None:
    assert "no upgrade has begun" in console("upgrade", "full", "--back").err
    assert console("upgrade", "full", "--back", "--until", "1").code == 2


def test_only_what_compare_has_held_can_be_promoted(changed: Path, console: Console) -> None:
    assert "no upgrade has begun, so no comparison has held it" in console("upgrade", "full", "--promote", "a").err
    assert console("upgrade", "full", "--back", "--promote", "a").code == 2


@pytest.mark.parametrize(
    ("update", "problem"),
    [
        ("{kind: compare, rounds: 3}", "services.qwen.update.rounds: 3: an error probability of 0.05 needs"),
        ("{kind: compare}\n      compare: {questions: none.yaml}", "none.yaml"),
    ],
)
def test_a_comparison_that_cannot_be_made_ends_the_upgrade_before_its_first_step(
    project: Path, console: Console, monkeypatch: pytest.MonkeyPatch, update: str, problem: str
) -> None:
    write_beside(project, tag=912, nodes=3)
    commit(project)
    write_beside(project, tag=913, nodes=3)
    file = project / "Pulumi.beside.yaml"
    file.write_text(file.read_text("utf-8").replace("update: compare", f"update: {update}"), encoding="utf-8")
    monkeypatch.setattr("cli.pulumi.updates", lambda *_, **__: ())

    done = console("upgrade", "beside", "--from", "HEAD")

    assert done.code != 0
    assert problem in done.err
    assert not list(project.glob("*.upgrade.json"))


def test_a_change_of_the_cluster_that_restarts_all_pods_is_refused(
    changed: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step would restart the services of all steps at once."""
    file = changed / "Pulumi.full.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("context: prod", "context: prod\n    seccomp: Unconfined"), encoding="utf-8")
    monkeypatch.setattr("cli.pulumi.updates", lambda *_, **__: ())

    done = console("upgrade", "full", "--from", "HEAD")

    assert done.code == 1
    assert "whose own step is another one: cluster.seccomp changed" in done.err
    assert not list(changed.glob("*.upgrade.json"))


SECRET = """\
encryptionsalt: v1:{salt}
config:
  ascend-vllm:cluster: {{context: prod, pools: {{snt9b: {{nodes: 3, npusPerNode: 8, npuMemory: 64Gi}}}}}}
  ascend-vllm:api: {{secure: v1:{salt}}}
  ascend-vllm:services:
    a: {{image: 'a:6.3.{tag}', model: /m/Qwen2-7B, server: {{apiKey: {{config: api}}}}, engine: {{maxModelLen: 4096}}}}
"""


def test_secrets_that_are_encrypted_with_another_key_are_refused(
    project: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack file of a step has one encryption key, so it could not have the values of both revisions."""
    (project / "Pulumi.keys.yaml").write_text(SECRET.format(salt="old", tag=912), encoding="utf-8")
    commit(project)
    (project / "Pulumi.keys.yaml").write_text(SECRET.format(salt="new", tag=913), encoding="utf-8")
    monkeypatch.setattr("cli.pulumi.updates", lambda *_, **__: ())

    done = console("upgrade", "keys", "--from", "HEAD")

    assert done.code == 1
    assert "the stack has another encryption key than before" in done.err
    assert "need api" in done.err


def test_the_program_knows_which_file_pulumi_has_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pulumi"
    program.write_text(f'#!/bin/sh\necho "$ASCEND_VLLM_STACK_FILE" >> {tmp_path}/seen\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")  # sh is found after it
    step = tmp_path / "Pulumi.prod.yaml"

    assert up("prod", tmp_path, step) == up("prod", tmp_path) == 0

    assert (tmp_path / "seen").read_text() == f"{step}\n\n"


SWAP = """\
config:
  ascend-vllm:cluster: {{context: prod, pools: {{snt9b: {{nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}}}}}
  ascend-vllm:services:
    big: {{image: 'a:6.3.{tag}', model: /m/Qwen2-72B-Instruct, npus: {big}, engine: {{maxModelLen: 4096}}}}
    other: {{image: 'a:6.3.912', model: /m/Qwen2-72B-Instruct, npus: 4, engine: {{maxModelLen: 4096}}}}
    small: {{image: 'a:6.3.{tag}', model: /m/Qwen2-72B-Instruct, npus: {small}, engine: {{maxModelLen: 4096}}}}
"""


def test_going_back_to_larger_pods_is_accepted(
    project: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smaller pod was an additional one. The larger one that comes back has no room beside it."""
    (project / "Pulumi.swap.yaml").write_text(SWAP.format(tag=912, big=8, small=4), encoding="utf-8")
    commit(project)
    deployed = Deployed("swap", project)
    deployed.deploy()
    (project / "Pulumi.swap.yaml").write_text(SWAP.format(tag=913, big=4, small=8), encoding="utf-8")
    deployed.stand_in(monkeypatch)
    assert console("upgrade", "swap", "--from", "HEAD", "--until", "2").code == 0

    undone = console("upgrade", "swap", "--back")

    assert undone.code == 0, undone.err
    assert deployed.objects == deployed.states[0]
