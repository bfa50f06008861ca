"""The registry has one entry for each id that a finding can have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import client.check  # noqa: F401  it registers the rules about requests
from client.service_rules import SERVICE_RULES
from models.engines.releases import VERSIONS, release
from models.rules.registry import add_rules, find_rule, id_of, rule_ids, rules_about
from tests.conftest import ROOT
from tests.rules.test_rules import findings

FOLDERS = ("client", "cluster", "convert", "models")
ID = re.compile(r"[a-z]+(-[a-z]+)*")
SEVERITIES = {"error", "warning", "no-effect"}


def raised_ids() -> Iterator[str]:
    """Every id that the code gives to a finding: the first argument of a call that has a reason and a fix."""
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            yield from _ids_in(file)


def _ids_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        name = getattr(node.func, "id", "")
        is_finding = name in ("Finding", "found", "_finding") or {"why", "fix"} <= keywords.keys()
        first = keywords.get("rule") or (node.args[0] if node.args else None)
        if is_finding and isinstance(first, ast.Constant) and ID.fullmatch(str(first.value)):
            yield str(first.value)


@pytest.mark.slow
def test_every_id_in_the_code_has_an_entry() -> None:
    ids = {*raised_ids()}

    assert len(ids) > 50
    assert sorted(name for name in ids if find_rule(name) is None) == []


def test_every_rule_about_requests_that_is_applied_has_an_entry_about_requests() -> None:
    about_requests = {entry.id for entry in rules_about("request")}

    applied = {id_of(check) for check in SERVICE_RULES}
    for version in VERSIONS:
        applied |= {rule.id for rule in release(version).request_rules}

    assert applied <= about_requests


@pytest.mark.slow
@pytest.mark.parametrize("rule", rule_ids())
def test_the_finding_of_an_example_has_a_severity_of_its_entry(rule: str) -> None:
    entry = find_rule(rule)
    (finding,) = findings(rule, "refused.yaml")

    assert entry
    assert finding["severity"] in entry.severities
    assert {*entry.severities} <= SEVERITIES


def test_a_second_rule_with_the_same_id_is_refused() -> None:
    with pytest.raises(ValueError, match="two rules have the id idle-npus"):
        add_rules("cluster", ("error",), {"idle-npus": "Another rule."})
