"""The five formats of `check`: the same findings for people, editors, programs, GitHub and code scanning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.rules.registry import rule_ids
from tests.cli.conftest import GOLDEN, Console

FORMATS = ["text", "concise", "json", "github", "sarif"]


def document(console: Console, *stacks: str, form: str = "json") -> Any:
    return json.loads(console("check", *stacks, "--format", form).out)


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_is_exactly_like_this(
    form: str, console: Console, project: Path, golden: Callable[[Path, str], None]
) -> None:
    done = console("check", "bad", "--format", form)

    assert (done.code, done.err) == (0 if form == "sarif" else 1, "")
    golden(GOLDEN / f"check.{form}", done.out)


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_found_ends_with_0_in_every_format(form: str, console: Console, project: Path) -> None:
    done = console("check", "good", "--format", form)

    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_every_finding(form: str, console: Console, project: Path) -> None:
    out = console("check", "bad", "--format", form).out

    for rule in ("visible-devices", "unknown-key", "missing-key", "idle-npus"):
        assert rule in out


def test_concise_is_silent_when_nothing_is_found(console: Console, project: Path) -> None:
    assert console("check", "good", "--format", "concise").out == ""


def test_concise_is_one_line_a_finding_that_editors_parse(console: Console, project: Path) -> None:
    lines = console("check", "--format", "concise").out.splitlines()

    assert len(lines) == 5
    for line in lines:
        assert re.fullmatch(r"Pulumi\.bad\.yaml:\d+:\d+: (error|warning)\[[a-z-]+\] \S+: .+", line)


def test_concise_keeps_a_finding_on_its_line_whatever_its_keys_hold(console: Console) -> None:
    text = b'config:\n  "a:\\nb": 1\n  ascend-vllm:services: {"x\\ny": {"k\\nl": 1, "": 2}}\n'
    lines = console("check", "-", "--format", "concise", stdin=text).out.splitlines()

    assert lines
    assert all(line.startswith("-:") for line in lines)


def test_json_is_a_contract_with_a_version(console: Console, project: Path) -> None:
    found = document(console, "bad")

    assert found.keys() == {"version", "findings", "accepted", "summary"}
    assert found["version"] == 1
    assert found["summary"] == {
        "stacks": ["bad"],
        "services": 4,
        "errors": 4,
        "warnings": 1,
        "noEffects": 0,
        "accepted": 1,
        "unchecked": ["千问"],
    }


def test_a_finding_in_json_says_all_that_the_text_says(console: Console, project: Path) -> None:
    for finding in document(console, "bad")["findings"]:
        assert finding.keys() == {
            "stack",
            "service",
            "rule",
            "severity",
            "message",
            "why",
            "fix",
            "locations",
        }
        assert finding["rule"] in rule_ids()
        assert finding["severity"] in ("error", "warning")
        for location in finding["locations"]:
            assert location.keys() == {"path", "field", "note", "file", "line", "column", "length"}


def test_a_location_in_json_is_the_piece_of_the_file(console: Console, project: Path) -> None:
    lines = (project / "Pulumi.bad.yaml").read_text(encoding="utf-8").splitlines()
    pieces = [
        lines[place["line"] - 1][place["column"] - 1 :][: place["length"]]
        for finding in document(console, "bad")["findings"]
        for place in finding["locations"]
    ]

    assert "visibleDevices" in pieces
    assert "max-num-seqs: 16" in pieces
    assert "npus: 8" in pieces


def test_json_of_several_stacks_is_one_document(console: Console, project: Path) -> None:
    found = document(console, "good", "bad")

    assert found["summary"]["stacks"] == ["good", "bad"]
    assert found["summary"]["services"] == 5
    assert {finding["stack"] for finding in found["findings"]} == {"bad"}


def test_an_accepted_finding_in_json_has_its_reason(console: Console, project: Path) -> None:
    (accepted,) = document(console, "bad")["accepted"]

    assert accepted["service"] == "spare"
    assert accepted["reason"] == "cards reserved for the second adapter"


def test_json_is_not_wrapped_and_keeps_chinese(console: Console, project: Path) -> None:
    assert '"千问"' in console("check", "bad", "--format", "json").out


def test_github_annotates_the_lines_and_escapes_special_characters(console: Console, project: Path) -> None:
    lines = console("check", "bad", "--format", "github").out.splitlines()

    assert len(lines) == 6
    assert lines[0].startswith("::error file=Pulumi.bad.yaml,line=11,col=7,title=visible-devices::qwen: ")
    assert "%0Awhy: " in lines[0]
    assert lines[-1].startswith("::notice title=bad::4 services: 4 errors, 1 warning, 1 accepted")
    assert all(re.match(r"::(error|warning|notice) [^\n]*::", line) for line in lines)


def test_sarif_has_what_code_scanning_asks_for(console: Console, project: Path) -> None:
    log = document(console, "bad", form="sarif")
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]

    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["name"] == "ascend-vllm"
    assert run["columnKind"] == "unicodeCodePoints"
    assert [one.get("suppressions") for one in run["results"] if one.get("suppressions")] == [
        [{"kind": "inSource", "justification": "cards reserved for the second adapter"}]
    ]
    assert len(run["results"]) == 6
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        for location in (*result["locations"], *result["relatedLocations"]):
            region = location["physicalLocation"]["region"]
            assert region["startLine"] >= 1
            assert region["endColumn"] > region["startColumn"] >= 1


def test_sarif_without_findings_is_a_run_without_results(console: Console, project: Path) -> None:
    assert document(console, "good", form="sarif")["runs"][0]["results"] == []
