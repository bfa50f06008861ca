"""A comment of a pull request about one stack: what is wrong, then what changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cli.output.diff import DiffFormat, render_comparisons
from cli.output.diff.comparison import Comparison
from cli.output.diff.markdown import fitting, folded, plain
from cli.touched import Touched
from models.report import Report, finding_text, summary

_FINDINGS = 4_000
"""Most characters of the findings; with those of the changes (60,000) a comment stays below GitHub's 65,536."""


@dataclass(frozen=True)
class Reviewed:
    """A stack that is touched, with what is found in it and what changes."""

    touched: Touched
    against: str
    report: Report | None
    """What check finds; None for a stack that is gone."""
    comparison: Comparison | None
    """What changes; None where one side cannot be read."""
    unreadable: str = ""
    """Why nothing is compared."""

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.touched.name


def comment(one: Reviewed) -> str:
    """The comment: changes with their warnings, findings, and which files touch the stack."""
    if one.comparison:
        head = render_comparisons([one.comparison], DiffFormat.MARKDOWN)
    else:
        reason = plain(one.unreadable)[:1000]
        head = f"### `{plain(one.name)}` against `{plain(one.against)}`\n\n> [!CAUTION]\n> Not compared: {reason}"
    return "\n\n".join([head, *_findings(one.report), *_because(one.touched)])


def _findings(report: Report | None) -> Iterator[str]:
    """The findings folded; that there are errors is said by the comparison."""
    if report is None or not report.findings:
        return
    kept = fitting([finding_text(finding) for finding in report.findings], _FINDINGS)
    left = len(report.findings) - len(kept)
    more = [f"{left} left out for their length; all of them: ascend-vllm check {report.stack}"] if left else []
    yield folded(summary(report).partition("\n")[0][:500], "\n\n".join([*kept, *more]))


def _because(touched: Touched) -> Iterator[str]:
    """Why the stack is looked at. A change of the program is none of the comparison, which is made with the new one."""
    yield f"Touched by `{plain(touched.because)[:500]}`."
    if touched.program:
        yield (
            "The program changes too. What is compared above is what the new program makes of both states; what it "
            "makes otherwise than the old one, `pulumi preview` shows."
        )
