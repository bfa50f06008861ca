"""The rules about a live cluster: each finding has an id that `ascend-vllm rule` knows, with one severity."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from models.rules.registry import find_rule, rules_about
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

ROOMS = ("cluster", "review")
SEVERITIES = ("error", "warning")


def findings() -> Iterator[tuple[str, str, str]]:
    """The id, the severity and the place of each finding that is written out in the code that reads clusters."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding" and len(call.args) > 1:
                    name, severity = call.args[:2]
                    if isinstance(name, ast.Constant) and isinstance(severity, ast.Constant):
                        yield str(name.value), str(severity.value), f"{file.name}:{call.lineno}"


def test_a_finding_about_a_cluster_is_known_with_its_severity(subtests: pytest.Subtests) -> None:
    found = list(findings())

    assert len(found) > 40
    for name, severity, place in found:
        with subtests.test(place=place):
            entry = find_rule(name)
            assert entry is not None, name
            assert entry.severities == (severity,)


def test_a_rule_about_a_cluster_has_one_severity(subtests: pytest.Subtests) -> None:
    for entry in rules_about("cluster"):
        with subtests.test(rule=entry.id):
            assert len(entry.severities) == 1


@pytest.mark.parametrize("name", ["init-failed", "out-of-memory"])
def test_the_first_failure_is_a_warning_with_an_id_of_its_own(name: str) -> None:
    again, once = find_rule(name), find_rule(f"{name}-once")

    assert again is not None
    assert once is not None
    assert (again.severities, once.severities) == (("error",), ("warning",))
