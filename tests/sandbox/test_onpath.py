"""Programs that the user already has are used when they are good, and the talk says why when not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.onpath import parse_version, select
from sandbox.pins import TOOLS

Program = Callable[..., Path]
TOOL = {tool.name: tool for tool in TOOLS}
PULUMI = (TOOL["pulumi"], TOOL["pulumi-language-python"])


@dataclass(frozen=True)
class Case:
    reason: str
    tool: str
    script: str
    objection: str


CASES = [
    Case("new enough", "kubectl", "echo 'Client Version: v1.34.1'", ""),
    Case("exactly the minimum", "kubectl", "echo 'Client Version: v1.30.0-eks'", ""),
    Case("answers on stderr", "etcd", "echo 'etcd Version: 3.6.4' >&2", ""),
    Case("too old", "kubectl", "echo 'Client Version: v1.9.11'", "is older than 1.30.0"),
    Case("broken", "kubectl", "exit 1", "does not run"),
    Case("not a program", "kubectl", "exec /nonexistent/interpreter", "does not run"),
    Case("says nothing useful", "kubectl", "echo hello", "does not print its version (version --client)"),
    Case("cannot say its version, but runs", "pulumi-resource-kubernetes", "exit 2", ""),
    Case("neither version nor running", "pulumi-resource-kubernetes", "exit 1", "does not run"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_a_program_on_path_is_taken_or_refused_with_its_reason(case: Case, program: Program) -> None:
    path = program(case.tool, case.script)

    good, refused = select([TOOL[case.tool]])

    assert [c.path for c in good.values()] == ([] if case.objection else [path])
    assert [c.objection for c in refused] == ([case.objection] if case.objection else [])


def test_what_is_not_on_path_is_neither_taken_nor_refused(program: Program) -> None:
    assert select(TOOLS) == ({}, [])


def test_pulumi_and_its_language_host_are_taken_together(program: Program) -> None:
    program("pulumi", "echo v3.300.0")
    program("pulumi-language-python", "exit 2")
    program("pulumi-language-python-exec", "exit 0")

    good, refused = select(PULUMI)

    assert sorted(good) == ["pulumi", "pulumi-language-python"]
    assert refused == []


def test_a_pulumi_without_its_language_host_is_refused(program: Program) -> None:
    program("pulumi", "echo v3.300.0")

    good, refused = select(PULUMI)

    assert good == {}
    assert [c.objection for c in refused] == ["has no pulumi-language-python"]


def test_a_language_host_without_its_launcher_is_refused(program: Program) -> None:
    program("pulumi", "echo v3.300.0")
    program("pulumi-language-python", "exit 2")

    good, refused = select(PULUMI)

    assert good == {}
    assert [c.objection for c in refused] == ["has no pulumi-language-python-exec"]


def test_asking_a_program_leaves_the_users_pulumi_home_alone(program: Program, cache: Path) -> None:
    program("kubectl", 'echo "$PULUMI_HOME" >&2; case "$PULUMI_HOME" in *ascend-vllm*) echo v1.34.1;; esac')

    assert "kubectl" in select([TOOL["kubectl"]])[0]


def test_our_own_builds_are_not_taken_for_the_users(program: Program, cache: Path) -> None:
    path = program("kubectl", "echo v1.34.1")
    (cache / "tools").mkdir(parents=True)
    path.rename(cache / "tools" / "kubectl")
    path.symlink_to(cache / "tools" / "kubectl")

    assert select([TOOL["kubectl"]]) == ({}, [])


@pytest.mark.parametrize(
    ("text", "version"),
    [("v3.259.0", (3, 259, 0)), ("kwok version v0.8.0 go1.26.8", (0, 8, 0)), ("1.34", None), ("", None)],
)
def test_the_version_is_the_first_in_the_answer(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version
