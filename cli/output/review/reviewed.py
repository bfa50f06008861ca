"""The records from which all formats of `review` are written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cli.output.diff.comparison import Comparison
from cli.output.touched import Touched
from models.finding import Finding, Span
from models.report import Report
from models.service.resolved import ResolvedStack

_Identity = tuple[object, ...]


@dataclass(frozen=True)
class Reviewed:
    """A touched stack with its findings and changes."""

    touched: Touched
    against: str
    stack: ResolvedStack | None
    """The stack of the worktree; None if its file is deleted."""
    report: Report | None
    """Its findings; None if its file is deleted."""
    comparison: Comparison | None
    """The changes; None if one side cannot be read."""
    unreadable: str = ""
    """The reason why nothing is compared."""

    @property
    def name(self) -> str:
        """Name of the stack."""
        return self.touched.name

    @property
    def errors(self) -> Sequence[Finding]:
        """The findings because of which `pulumi up` refuses the stack."""
        if self.report is None:
            return ()
        return self.report.errors


@dataclass(frozen=True)
class ChangedLines:
    """The lines of a file that a change touches."""

    path: str
    """The file, from the top directory of the repository."""
    lines: frozenset[int]
    """The new and changed lines, and the line before each place where lines are removed."""
    replacements: Mapping[int, int] = field(default_factory=dict)
    """For each removed line of the old file, the line in `lines` at its place."""


@dataclass(frozen=True)
class Review:
    """Every touched stack, and the lines that the change touches."""

    commit: str
    """The commit that the worktree is compared with."""
    stacks: Sequence[Reviewed]
    changed_lines: Mapping[str, ChangedLines]
    """The changed lines of each file of the stacks, by the file's name."""

    def lines_of(self, span: Span) -> ChangedLines | None:
        """The changed lines of the file of a position; None if the change does not touch the file."""
        return self.changed_lines.get(os.path.normpath(span.file))


class StacksByFinding:
    """The findings of all stacks, each once: one of a base file is a finding of every stack above it."""

    def __init__(self) -> None:
        self._findings: dict[_Identity, Finding] = {}
        self._stacks: dict[_Identity, list[str]] = {}

    def add(self, finding: Finding, stack: str) -> None:
        """Add a finding of a stack."""
        identity = _identity(finding)
        self._findings.setdefault(identity, finding)
        stacks = self._stacks.setdefault(identity, [])
        if stack not in stacks:
            stacks.append(stack)

    def of(self, finding: Finding) -> Sequence[str]:
        """The stacks that have a finding."""
        return self._stacks[_identity(finding)]

    def findings(self) -> list[Finding]:
        """Every finding once; errors first."""
        return sorted(
            self._findings.values(), key=lambda finding: finding.severity != "error"
        )


def stacks_by_finding(review: Review) -> StacksByFinding:
    """The findings of all touched stacks."""
    found = StacksByFinding()
    for reviewed in review.stacks:
        if reviewed.report is None:
            continue
        for finding in reviewed.report.findings:
            found.add(finding, reviewed.name)
    return found


def _identity(finding: Finding) -> _Identity:
    """A value that two stacks have in common for the same finding at the same position."""
    return (
        finding.severity,
        finding.rule,
        finding.service,
        finding.message,
        finding.fix,
        finding.span,
    )
