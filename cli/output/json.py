"""For programs: a contract with a version, see docs/reference/check-json.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from models.finding import Finding, Mark
from models.report import Accepted, Report
from models.rules.registry import reports_right

VERSION = 1
"""Raised when a key changes its meaning or is removed; new keys may be added without."""


def render(reports: Sequence[Report]) -> str:
    """One document for all stacks."""
    return json.dumps(document(reports), indent=2, ensure_ascii=False)


def document(reports: Sequence[Report]) -> dict[str, Any]:
    """The content of the document."""
    findings = []
    accepted = []
    unchecked: list[str] = []
    for report in reports:
        findings += [_finding(report.stack, finding) for finding in report.findings]
        accepted += [_accepted(report.stack, waived) for waived in report.accepted]
        unchecked += report.unchecked
    summary = {
        "stacks": [report.stack for report in reports],
        "services": sum(report.services for report in reports),
        "errors": sum(len(report.errors) for report in reports),
        "warnings": sum(len(report.warnings) for report in reports),
        "noEffects": sum(len(report.no_effects) for report in reports),
        "accepted": len(accepted),
        "unchecked": unchecked,
    }
    return {
        "version": VERSION,
        "findings": findings,
        "accepted": accepted,
        "summary": summary,
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding, without its stack."""
    return {
        "service": finding.service,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "why": finding.why,
        "fix": finding.fix,
        "locations": [_location(mark) for mark in finding.marks],
    }


def _finding(stack: str, finding: Finding) -> dict[str, Any]:
    return {"stack": stack, **finding_json(finding)}


def _accepted(stack: str, waived: Accepted) -> dict[str, Any]:
    """A finding that the stack file waives, with the reason."""
    finding = _finding(stack, waived.finding)
    is_right = reports_right(waived.finding.rule)
    return {**finding, "reason": waived.reason, "right": is_right}


def _location(mark: Mark) -> dict[str, Any]:
    location: dict[str, Any] = {
        "path": list(mark.path),
        "field": mark.field,
        "note": mark.note,
    }
    if mark.span:
        location["file"] = mark.span.file
        location["line"] = mark.span.line
        location["column"] = mark.span.column
        location["length"] = mark.span.length
    return location
