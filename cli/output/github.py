"""For GitHub Actions: workflow commands that annotate the lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from models.finding import Finding, Span
from models.report import Report, summary


def render(reports: Sequence[Report]) -> str:
    """An annotation for every finding, and the summaries as notices."""
    lines = [_annotation(finding) for report in reports for finding in report.findings]
    return "\n".join([*lines, *(annotation("notice", report.stack, summary(report), None) for report in reports)])


def _annotation(finding: Finding) -> str:
    service = f"{finding.service}: " if finding.service else ""
    text = f"{service}{finding.message}\nwhy: {finding.why}\nfix: {finding.fix}"
    return annotation(finding.severity, finding.rule, text, finding.span)


def annotation(level: str, title: str, text: str, span: Span | None) -> str:
    """A workflow command that shows a text at a place of a file."""
    place = f"file={_property(span.file)},line={span.line},col={span.column}," if span else ""
    return f"::{level} {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
