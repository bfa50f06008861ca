"""For code scanning: SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from models.finding import Finding, Mark, Span
from models.report import Accepted, Report
from models.rules.registry import documentation

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(reports: Sequence[Report]) -> str:
    """One run with the findings of all stacks, those that are waived included as suppressed."""
    findings = [finding for report in reports for finding in report.findings]
    accepted = [one for report in reports for one in report.accepted]
    rules = [
        {"id": name, "shortDescription": {"text": documentation(name).partition("\n")[0] or name}}
        for name in sorted({finding.rule for finding in [*findings, *(one.finding for one in accepted)]})
    ]
    run = {
        "tool": {"driver": {"name": "ascend-vllm", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [*map(_result, findings), *map(_suppressed, accepted)],
    }
    return json.dumps({"version": "2.1.0", "$schema": _SCHEMA, "runs": [run]}, indent=2, ensure_ascii=False)


def _result(finding: Finding) -> dict[str, Any]:
    service = f"{finding.service}: " if finding.service else ""
    placed = [_location(mark, mark.span) for mark in finding.marks if mark.span]
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": f"{service}{finding.message}. Why: {finding.why}. Fix: {finding.fix}."},
        "locations": placed[:1],
        "relatedLocations": placed[1:],
    }


def _suppressed(accepted: Accepted) -> dict[str, Any]:
    """A finding that the stack file waives, with the reason."""
    return {**_result(accepted.finding), "suppressions": [{"kind": "inSource", "justification": accepted.reason}]}


def _location(mark: Mark, span: Span) -> dict[str, Any]:
    region = {"startLine": span.line, "startColumn": span.column, "endColumn": span.column + span.length}
    place = {"physicalLocation": {"artifactLocation": {"uri": quote(span.file)}, "region": region}}
    return {**place, "message": {"text": mark.note}} if mark.note else place
