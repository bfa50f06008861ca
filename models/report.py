"""The report on a stack, and its text: each finding with an excerpt, why and fix, and a summary line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models.finding import Finding, Mark, Severity, Span
from models.words import counted, display_width


@dataclass(frozen=True)
class Accepted:
    """A finding that the stack file waives, with the reason."""

    finding: Finding
    reason: str

    @property
    def subject(self) -> str:
        """The service that the finding is about; `the stack` for a finding about all of them."""
        return self.finding.service or "the stack"


@dataclass(frozen=True)
class Report:
    """All findings of a stack, in the order of the file."""

    stack: str
    services: int
    findings: tuple[Finding, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    unchecked: tuple[str, ...] = ()
    """Services that the rules did not check, because their shape is refused."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop the deployment."""
        return self._of_severity("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that do not stop the deployment."""
        return self._of_severity("warning")

    @property
    def no_effects(self) -> tuple[Finding, ...]:
        """Settings that the engine drops. They do not stop the deployment."""
        return self._of_severity("no-effect")

    def _of_severity(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(
            finding for finding in self.findings if finding.severity == severity
        )

    def warn(self, log: Callable[[str], None]) -> None:
        """Log every finding that is no error, and every waiver, for instance with `pulumi.log.warn`."""
        for finding in [*self.warnings, *self.no_effects]:
            log(finding_text(finding))
        for waived in self.accepted:
            log(f"accepted: {waived.finding.message} ({waived.reason})")

    def raise_for_errors(self, kind: type[Exception]) -> None:
        """Raise the whole report as text if it contains an error.

        Args:
            kind: The exception to raise; `pulumi.RunError` ends the program without a traceback.
        """
        if self.errors:
            raise kind(report_text(self))


def report_text(report: Report) -> str:
    """The whole report, readable without colour."""
    paragraphs = [finding_text(finding) for finding in report.findings]
    return "\n\n".join([*paragraphs, summary(report)])


def finding_text(finding: Finding) -> str:
    """One finding: message, position with an excerpt of the file, why, and fix."""
    lines = [f"{finding.severity}[{finding.rule}]: {finding.message}"]
    if finding.marks and finding.marks[0].span:
        lines.append(_position(finding, finding.marks[0], finding.marks[0].span))
        lines += _excerpt(finding.marks)
    elif finding.marks:
        lines.append(f"  --> {_subject(finding, finding.marks[0])}")
    lines.append(f"   = why: {finding.why}")
    lines.append(f"   = fix: {finding.fix}")
    return "\n".join(lines)


def counts_line(report: Report) -> str:
    """The numbers of services, errors, warnings and waivers."""
    errors = counted(len(report.errors), "error")
    warnings = counted(len(report.warnings), "warning")
    counts = [errors, warnings]
    if report.no_effects:
        counts.append(f"{len(report.no_effects)} no-effect")
    counts.append(f"{len(report.accepted)} accepted")
    return f"{counted(report.services, 'service')}: {', '.join(counts)}"


def summary(report: Report) -> str:
    """The line with the counts, the waivers, and the services that were not checked."""
    line = counts_line(report)
    if report.accepted:
        waivers = [
            f'{waived.finding.rule} on {waived.subject}: "{waived.reason}"'
            for waived in report.accepted
        ]
        line += f" ({'; '.join(waivers)})"
    if report.unchecked:
        line += f"\nnot checked by the rules until the schema errors are fixed: {', '.join(report.unchecked)}"
    return line


def _position(finding: Finding, mark: Mark, span: Span) -> str:
    return f"  --> {span.file}:{span.line}:{span.column}   {_subject(finding, mark)}".rstrip()


def _subject(finding: Finding, mark: Mark) -> str:
    """The service and the field, `qwen · engine.maxModelLen`."""
    subject = " · ".join(part for part in (finding.service, mark.field) if part)
    return json.dumps(subject, ensure_ascii=False)[1:-1]


def _excerpt(marks: tuple[Mark, ...]) -> Iterator[str]:
    """The marked lines of the first mark's file in their order; the first mark is underlined with ^.

    Marks in other files follow as positions.
    """
    first = marks[0].span
    if first is None or not first.text:
        return
    placed = [(mark.span, mark) for mark in marks if mark.span]
    shown = [
        (span, mark) for span, mark in placed if span.file == first.file and span.text
    ]
    shown.sort(key=lambda pair: (pair[0].line, pair[0].column))
    last_line = shown[-1][0].line
    width = len(str(last_line))
    margin = " " * width

    yield f"{margin} |"
    previous_line = 0
    for span, mark in shown:
        if span.line != previous_line:
            yield f"{span.line:>{width}} | {span.text.rstrip()}"
        previous_line = span.line
        character = "^" if mark is marks[0] else "-"
        yield f"{margin} | {_underline(span, character)} {mark.note}".rstrip()
    for span, mark in placed:
        if (span, mark) not in shown:
            position = f"{span.file}:{span.line}:{span.column}"
            yield f"{margin} ::: {position} {mark.note}".rstrip()


def _underline(span: Span, character: str) -> str:
    start = span.column - 1
    marked = span.text[start : start + span.length] or " "
    return " " * display_width(span.text[:start]) + character * display_width(marked)
