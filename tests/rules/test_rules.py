"""Every rule by its examples: the stack file it refuses with its whole output, and the nearest that it accepts."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from models.rules.registry import documentation, rule_ids

FOLDERS = Path(__file__).parent
SCHEMA_LINE = "# yaml-language-server: $schema=../../../schema/stack.schema.json"


@cache
def check(rule: str, name: str, form: str = "text") -> tuple[int, str]:
    """Exit code and output of `check` on an example, in its folder."""
    with contextlib.chdir(FOLDERS / rule):
        done = CliRunner().invoke(app, ["check", name, "--format", form])
    return done.exit_code, done.stdout


def findings(rule: str, name: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(check(rule, name, "json")[1])["findings"]
    return listed


def test_every_rule_has_its_examples_and_no_example_lacks_its_rule() -> None:
    folders = sorted(folder.name for folder in FOLDERS.iterdir() if folder.is_dir() and folder.name != "__pycache__")

    assert rule_ids() == folders


@pytest.mark.parametrize("rule", rule_ids())
def test_what_a_rule_refuses_is_shown_exactly_like_this(rule: str, golden: Callable[[Path, str], None]) -> None:
    code, output = check(rule, "refused.yaml")

    assert code == 1
    golden(FOLDERS / rule / "refused.out", output)


@pytest.mark.parametrize("rule", rule_ids())
def test_the_refused_example_breaks_this_rule_once_and_no_other(rule: str) -> None:
    found = findings(rule, "refused.yaml")

    assert [rule] == [finding["rule"] for finding in found]


def test_every_refusal_says_where_why_and_what_to_do(subtests: pytest.Subtests) -> None:
    for rule in rule_ids():
        with subtests.test(rule=rule):
            (finding,) = findings(rule, "refused.yaml")

            assert finding["why"]
            assert finding["fix"]
            assert finding["locations"][0]["file"] in ("refused.yaml", "ascend-vllm.lock")


@pytest.mark.parametrize("rule", rule_ids())
def test_the_accepted_example_passes_without_any_finding(rule: str) -> None:
    code, output = check(rule, "accepted.yaml", "json")

    assert json.loads(output)["findings"] == []
    assert code == 0


def test_a_rule_is_documented_by_a_sentence_and_its_reason(subtests: pytest.Subtests) -> None:
    for rule in rule_ids():
        with subtests.test(rule=rule):
            sentence, _, reason = documentation(rule).partition("\n\n")

            assert sentence.endswith(".")
            assert reason.strip()


def test_an_editor_finds_the_schema_of_an_example(subtests: pytest.Subtests) -> None:
    for rule, name in itertools.product(rule_ids(), ["refused.yaml", "accepted.yaml"]):
        with subtests.test(rule=rule, name=name):
            first = (FOLDERS / rule / name).read_text(encoding="utf-8").splitlines()[0]

            assert first == SCHEMA_LINE
            assert (FOLDERS / rule / SCHEMA_LINE.partition("=")[2]).resolve().is_file()
