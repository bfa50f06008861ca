"""For GitHub Actions: workflow commands that annotate the lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from models.finding import Finding, Span
from models.report import Report, summary


def render(reports: Sequence[Report]) -> str:
    """One annotation for each finding, then the summaries as notices."""
    lines = []
    for report in reports:
        lines += [_finding_annotation(finding) for finding in report.findings]
    for report in reports:
        lines.append(annotation("notice", report.stack, summary(report)))
    return "\n".join(lines)


def annotation(level: str, title: str, text: str, span: Span | None = None) -> str:
    """A workflow command that shows a text at a position of a file."""
    properties = f"title={_escaped_property(title)}"
    if span:
        place = f"file={_escaped_property(span.file)},line={span.line},col={span.column}"
        properties = f"{place},{properties}"
    return f"::{level} {properties}::{_escaped(text)}"


def _finding_annotation(finding: Finding) -> str:
    message = finding.message
    if finding.service:
        message = f"{finding.service}: {message}"
    text = f"{message}\nwhy: {finding.why}\nfix: {finding.fix}"
    return annotation(finding.severity, finding.rule, text, finding.span)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
