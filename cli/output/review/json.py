"""For programs: a contract with a version, see docs/reference/review-json.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cli.output.diff.json import stack_json
from cli.output.json import document as check_json
from cli.output.json import finding_json
from cli.output.review.positions import Positions
from cli.output.review.reviewed import Review, Reviewed, stacks_by_finding
from cli.output.rights import rights_json
from models.finding import Span

VERSION = 1
"""Raised when a key changes its meaning or is removed; new keys may be added without."""


def render(review: Review) -> str:
    """All findings, each once, and of each touched stack its findings, the rights of its services and the changes."""
    record = {
        "version": VERSION,
        "against": review.commit,
        "findings": list(_findings(review)),
        "stacks": [_stack_json(reviewed) for reviewed in review.stacks],
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _findings(review: Review) -> Iterator[dict[str, Any]]:
    positions = Positions(review)
    shared = stacks_by_finding(review)
    for finding in shared.findings():
        stacks = shared.of(finding)
        position = positions.of_finding(stacks[0], finding)
        yield {
            "stacks": list(stacks),
            **finding_json(finding),
            "changedLine": _changed_line(position),
        }


def _changed_line(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {"file": span.file, "line": span.line}


def _stack_json(reviewed: Reviewed) -> dict[str, Any]:
    findings = None
    rights = []
    if reviewed.report:
        findings = check_json([reviewed.report])
        rights = rights_json(reviewed.report)
    changes = None
    if reviewed.comparison:
        changes = stack_json(reviewed.comparison)
    return {
        "name": reviewed.name,
        "files": reviewed.touched.files,
        "program": reviewed.touched.program,
        "refused": bool(reviewed.errors),
        "check": findings,
        "rights": rights,
        "diff": changes,
        "notCompared": reviewed.unreadable or None,
    }
