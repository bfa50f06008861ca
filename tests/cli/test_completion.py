"""Completion in the shell: stacks, services and revisions, as bash asks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from tests.cli.repositories import git

Completed = Callable[..., list[str]]


@pytest.fixture
def completed(project: Path, monkeypatch: pytest.MonkeyPatch) -> Completed:
    """What bash offers at the end of a command line."""
    monkeypatch.chdir(project)

    def offered(*words: str) -> list[str]:
        line = ["ascend-vllm", *words]
        asked = {
            "COMP_WORDS": " ".join(line),
            "COMP_CWORD": str(len(line) - 1),
            "_ASCEND_VLLM_COMPLETE": "complete_bash",
        }
        done = CliRunner().invoke(app, [], prog_name="ascend-vllm", env=asked)
        assert done.stderr == ""
        return done.stdout.split()

    return offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("status", "g"), ["good"]),
        (("check", ""), ["bad", "good"]),
        (("status", "bad", "i"), ["idle"]),
        (("status", "bad", "idle", "s"), ["spare"]),
        (("script", "good", ""), ["qwen"]),
        (("request", "good", "q"), ["qwen"]),
        (("bench", "good", "q"), ["qwen"]),
        (("check", "good", "-v", "--service", ""), ["qwen"]),
        (("smoke", "good", "x"), []),
        (("smoke", "none", ""), []),
        (("sandbox", "up", "g"), ["good"]),
    ],
)
def test_stacks_and_services_are_offered(words: tuple[str, ...], offered: list[str], completed: Completed) -> None:
    assert completed(*words) == offered


def test_the_directory_of_the_command_counts(
    completed: Completed, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    monkeypatch.chdir(project.parent)

    assert completed("-C", str(project), "status", "g") == ["good"]


def test_branches_and_tags_are_offered(completed: Completed, project: Path) -> None:
    git(project, "init", "--quiet", "--initial-branch", "main")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "one")
    git(project, "tag", "v1.2")

    assert completed("diff", "good", "--against", "") == ["HEAD", "HEAD~1", "main", "v1.2"]
    assert completed("review", "--against", "v") == ["v1.2"]


def test_without_a_repository_only_the_last_commit_is_offered(completed: Completed) -> None:
    assert completed("touched", "--against", "m") == []
