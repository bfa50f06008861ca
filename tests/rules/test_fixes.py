"""The fix of every finding is an edit that works when it is applied literally."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from models.check import check
from models.finding import Finding
from models.rules.registry import rule_ids
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.rules.edits import alternatives, apply

VERBS = ("write ", "remove ", "rename ")
FOLDERS = Path(__file__).parent

NOT_AN_EDIT = {
    "base-file": "the file that `base` names is created or moved",
    "config-json": "the model's config.json is copied next to the stack file",
    "config-secret": "a command of Pulumi encrypts the value",
    "incomplete-weights": "a command writes the list of checksums",
    "secret-in-services": "commands of Pulumi move the encrypted value",
    "weight-files": "a command writes the list of checksums",
    "yaml-syntax": "the text has no keys yet that an edit could name",
}
"""Rules whose fix is not an edit of the stack file, with the reason."""

FAILING = {
    "missing-key",
    "unknown-key",
}
"""Rules whose fix does not work yet."""


def findings(rule: str, text: str) -> tuple[Finding, ...]:
    """What `check` finds in the text of a stack file, read in the folder of a rule."""
    with contextlib.chdir(FOLDERS / rule):
        return check(resolve(load_text("refused", "refused.yaml", text))).findings


def problems(rule: str, text: str) -> list[str]:
    """What remains or is new after each alternative of the fix of a rule's finding, in words."""
    (finding,) = findings(rule, text)
    if not finding.fix.startswith(VERBS):
        return [f"not an edit: {finding.fix}"]
    found = []
    try:
        for edits in alternatives(finding.fix):
            after = findings(rule, apply(edits, finding, text))
            wrong = [other for other in after if other.rule == rule or other.severity == "error"]
            found += [f"after {edits}: {other.severity}[{other.rule}] {other.message}" for other in wrong]
    except (KeyError, IndexError, TypeError, ValueError, AssertionError) as problem:
        found.append(f"cannot be applied: {finding.fix} ({problem!r})")
    return found


def refused(rule: str) -> str:
    return (FOLDERS / rule / "refused.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", sorted({*rule_ids()} - FAILING - NOT_AN_EDIT.keys()))
def test_a_fix_that_is_applied_literally_removes_the_finding_and_adds_no_error(rule: str) -> None:
    assert problems(rule, refused(rule)) == []


@pytest.mark.parametrize("rule", sorted(FAILING))
def test_a_fix_that_works_is_no_longer_listed_as_failing(rule: str) -> None:
    assert problems(rule, refused(rule)), f"remove {rule} from FAILING"


@pytest.mark.parametrize("rule", sorted(NOT_AN_EDIT))
def test_a_fix_that_became_an_edit_is_no_longer_listed(rule: str) -> None:
    (finding,) = findings(rule, refused(rule))

    assert not finding.fix.startswith(VERBS)
