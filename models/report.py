"""What is to be said of a stack, and its text: each finding with its excerpt, why and fix, and a line that counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unicodedata import east_asian_width

from models.finding import Finding, Mark, Span
from models.words import counted


@dataclass(frozen=True)
class Accepted:
    """A warning that the stack file waives, and why."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Report:
    """What is to be said of a stack, in the order of the file."""

    stack: str
    services: int
    findings: tuple[Finding, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    unchecked: tuple[str, ...] = ()
    """Services that no rule looked at, since their shape is refused."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What cannot work."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What works and is hardly meant."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def warn(self, say: Callable[[str], None]) -> None:
        """Say every warning and every waiver, for instance with `pulumi.log.warn`."""
        for finding in self.warnings:
            say(finding_text(finding))
        for waived in self.accepted:
            say(f"accepted: {waived.finding.message} ({waived.reason})")

    def raise_for_errors(self, kind: type[Exception]) -> None:
        """Raise the whole report as text when there is an error in it.

        Args:
            kind: The exception to raise; `pulumi.RunError` ends the program without a traceback.
        """
        if self.errors:
            raise kind(report_text(self))


def report_text(report: Report) -> str:
    """The whole report, readable without colour."""
    return "\n\n".join([*map(finding_text, report.findings), summary(report)])


def finding_text(finding: Finding) -> str:
    """One finding: what, where with the lines themselves, why, and the fix."""
    lines = [f"{finding.severity}[{finding.rule}]: {finding.message}"]
    first = finding.marks[0] if finding.marks else None
    if first and first.span:
        subject = json.dumps(" · ".join(part for part in (finding.service, first.field) if part), ensure_ascii=False)
        lines.append(f"  --> {first.span.file}:{first.span.line}:{first.span.column}   {subject[1:-1]}".rstrip())
        lines += _excerpt(finding.marks)
    lines += [f"   = why: {finding.why}", f"   = fix: {finding.fix}"]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """The line that counts, and what was accepted or could not be judged."""
    parts = f"{counted(len(report.errors), 'error')}, {counted(len(report.warnings), 'warning')}"
    line = f"{counted(report.services, 'service')}: {parts}, {len(report.accepted)} accepted"
    if report.accepted:
        reasons = (f'{one.finding.rule} on {one.finding.service}: "{one.reason}"' for one in report.accepted)
        line += f" ({'; '.join(reasons)})"
    if report.unchecked:
        line += f"\nnot judged by the rules until its shape is right: {', '.join(report.unchecked)}"
    return line


def _excerpt(marks: tuple[Mark, ...]) -> Iterator[str]:
    """The lines that the marks stand on, in the order of the file, the first mark underlined with ^."""
    first = marks[0]
    spans = [(mark.span, mark) for mark in marks if mark.span and first.span and mark.span.file == first.span.file]
    width = max(len(str(span.line)) for span, _ in spans)
    yield f"{' ' * width} |"
    line = 0
    for span, mark in sorted(spans, key=lambda pair: (pair[0].line, pair[0].column)):
        if span.line != line:
            yield f"{span.line:>{width}} | {span.text.rstrip()}"
        line = span.line
        underline = ("^" if mark is first else "-") * _columns(_marked(span))
        yield f"{' ' * width} | {' ' * _columns(span.text[: span.column - 1])}{underline} {mark.note}".rstrip()
    for mark in marks:
        if mark.span and first.span and mark.span.file != first.span.file:
            yield f"{' ' * width} ::: {mark.span.file}:{mark.span.line}:{mark.span.column} {mark.note}".rstrip()


def _marked(span: Span) -> str:
    return span.text[span.column - 1 : span.column - 1 + span.length] or " "


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes; Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
