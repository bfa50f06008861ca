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
    properties = {}
    if span:
        properties["file"] = _escaped_property(span.file)
        properties["line"] = str(span.line)
        properties["col"] = str(span.column)
    properties["title"] = _escaped_property(title)
    pairs = [f"{name}={value}" for name, value in properties.items()]
    joined = ",".join(pairs)
    message = _escaped(text)
    return f"::{level} {joined}::{message}"


def finding_message(finding: Finding) -> str:
    """The texts of a finding."""
    message = finding.message
    if finding.service:
        message = f"{finding.service}: {message}"
    return f"{message}\nwhy: {finding.why}\nfix: {finding.fix}"


def finding_level(finding: Finding) -> str:
    """The level of the annotation of a finding."""
    return "error" if finding.severity == "error" else "warning"


def _finding_annotation(finding: Finding) -> str:
    return annotation(
        level=finding_level(finding),
        title=finding.rule,
        text=finding_message(finding),
        span=finding.span,
    )


def _escaped(text: str) -> str:
    text = text.replace("%", "%25")
    text = text.replace("\r", "%0D")
    return text.replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
