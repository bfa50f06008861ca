"""For editors and grep: one line a finding."""

from __future__ import annotations

from collections.abc import Sequence

from models.finding import Finding
from models.report import Report


def render(reports: Sequence[Report]) -> str:
    """`file:line:column: level[rule] service: message` for every finding."""
    return "\n".join(_line(report, finding) for report in reports for finding in report.findings)


def _line(report: Report, finding: Finding) -> str:
    span = finding.span
    place = f"{span.file}:{span.line}:{span.column}" if span else report.stack
    service = f" {finding.service}:" if finding.service else ""
    return f"{place}: {finding.severity}[{finding.rule}]{service} {finding.message}".replace("\n", "\\n")
