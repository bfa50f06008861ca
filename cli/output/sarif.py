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
    """One run with the findings of all stacks. Findings that `accept` waives are suppressed results."""
    results = []
    suppressed = []
    rules = set()
    for report in reports:
        for finding in report.findings:
            results.append(_result(finding))
            rules.add(finding.rule)
        for waived in report.accepted:
            suppressed.append(_suppressed(waived))
            rules.add(waived.finding.rule)
    driver = {"name": "ascend-vllm", "rules": [_rule(name) for name in sorted(rules)]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results + suppressed,
    }
    document = {"version": "2.1.0", "$schema": _SCHEMA, "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _rule(name: str) -> dict[str, Any]:
    first_line = documentation(name).partition("\n")[0]
    return {"id": name, "shortDescription": {"text": first_line or name}}


def _result(finding: Finding) -> dict[str, Any]:
    message = finding.message
    if finding.service:
        message = f"{finding.service}: {message}"
    text = f"{message}. Why: {finding.why}. Fix: {finding.fix}."
    level = "error" if finding.severity == "error" else "warning"
    locations = [_location(mark, mark.span) for mark in finding.marks if mark.span]
    return {
        "ruleId": finding.rule,
        "level": level,
        "message": {"text": text},
        "locations": locations[:1],
        "relatedLocations": locations[1:],
    }


def _suppressed(waived: Accepted) -> dict[str, Any]:
    """A finding that the stack file waives, with the reason."""
    suppression = {"kind": "inSource", "justification": waived.reason}
    return {**_result(waived.finding), "suppressions": [suppression]}


def _location(mark: Mark, span: Span) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endColumn": span.column + span.length,
    }
    physical = {"artifactLocation": {"uri": quote(span.file)}, "region": region}
    location: dict[str, Any] = {"physicalLocation": physical}
    if mark.note:
        location["message"] = {"text": mark.note}
    return location
