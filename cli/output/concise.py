"""For editors and grep: one line for each finding."""

from __future__ import annotations

from collections.abc import Sequence

from models.finding import Finding
from models.report import Report


def render(reports: Sequence[Report]) -> str:
    """`file:line:column: level[rule] service: message` for every finding."""
    lines = []
    for report in reports:
        lines += [_line(report.stack, finding) for finding in report.findings]
    return "\n".join(lines)


def _line(stack: str, finding: Finding) -> str:
    place = stack
    if finding.span:
        place = f"{finding.span.file}:{finding.span.line}:{finding.span.column}"
    message = finding.message
    if finding.service:
        message = f"{finding.service}: {message}"
    rule = f"{finding.severity}[{finding.rule}]"
    line = f"{place}: {rule} {message}"
    return line.replace("\n", "\\n")
