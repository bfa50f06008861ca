"""For programs: a contract with a version, see docs/reference/check-json.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from models.finding import Finding, Mark
from models.report import Report

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def render(reports: Sequence[Report]) -> str:
    """One document for all stacks."""
    document = {
        "version": VERSION,
        "findings": [_finding(report, finding) for report in reports for finding in report.findings],
        "accepted": [
            {**_finding(report, one.finding), "reason": one.reason} for report in reports for one in report.accepted
        ],
        "summary": {
            "stacks": [report.stack for report in reports],
            "services": sum(report.services for report in reports),
            "errors": sum(len(report.errors) for report in reports),
            "warnings": sum(len(report.warnings) for report in reports),
            "accepted": sum(len(report.accepted) for report in reports),
            "unchecked": [name for report in reports for name in report.unchecked],
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _finding(report: Report, finding: Finding) -> dict[str, Any]:
    return {
        "stack": report.stack,
        "service": finding.service,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "why": finding.why,
        "fix": finding.fix,
        "locations": [_location(mark) for mark in finding.marks],
    }


def _location(mark: Mark) -> dict[str, Any]:
    span = mark.span
    place = {"file": span.file, "line": span.line, "column": span.column, "length": span.length} if span else {}
    return {"path": list(mark.path), "field": mark.field, "note": mark.note, **place}
