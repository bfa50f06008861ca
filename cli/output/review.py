"""A comment on a pull request about one stack: its changes, then its findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cli.output.diff import DiffFormat, render_comparisons
from cli.output.diff.comparison import Comparison
from cli.output.diff.markdown import code_span, fitting, folded
from cli.output.touched import Touched
from models.report import Report, counts_line, finding_text

_FINDINGS = 4_000
"""Most characters of the findings. With the changes (60,000), a comment stays below GitHub's 65,536."""

_LONGEST_TITLE = 500
_LONGEST_REASON = 1000


@dataclass(frozen=True)
class Reviewed:
    """A touched stack with its findings and changes."""

    touched: Touched
    against: str
    report: Report | None
    """The findings; None for a deleted stack."""
    comparison: Comparison | None
    """The changes; None if one side cannot be read."""
    unreadable: str = ""
    """The reason why nothing is compared."""

    @property
    def name(self) -> str:
        """Name of the stack."""
        return self.touched.name


def comment(reviewed: Reviewed) -> str:
    """The comment: changes with their warnings, findings, and the changed files."""
    sections = [_changes(reviewed)]
    if reviewed.report and reviewed.report.findings:
        sections.append(_findings(reviewed.report))
    sections += _reasons(reviewed.touched)
    return "\n\n".join(sections)


def _changes(reviewed: Reviewed) -> str:
    if reviewed.comparison:
        return render_comparisons([reviewed.comparison], DiffFormat.MARKDOWN)
    title = f"### {code_span(reviewed.name)} against {code_span(reviewed.against)}"
    reason = code_span(reviewed.unreadable[:_LONGEST_REASON])
    return f"{title}\n\n> [!CAUTION]\n> Not compared: {reason}"


def _findings(report: Report) -> str:
    """The folded findings. The section about the changes reports that there are errors."""
    texts = [finding_text(finding) for finding in report.findings]
    blocks = fitting(texts, _FINDINGS)
    hidden = len(texts) - len(blocks)
    if hidden:
        blocks.append(
            f"{hidden} left out because of their length; all of them: ascend-vllm check {report.stack}"
        )
    title = counts_line(report)
    return folded(title[:_LONGEST_TITLE], "\n\n".join(blocks))


def _reasons(touched: Touched) -> Iterator[str]:
    """The files that touch the stack. The comparison uses the new program for both states."""
    files = code_span(touched.because[:_LONGEST_TITLE])
    yield f"Touched by {files}."
    if touched.program:
        yield (
            "The program changes, too. The comparison above uses the new program for both states. Run `pulumi preview` "
            "to see the changes that come from the program itself."
        )
