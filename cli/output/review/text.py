"""For people: the findings of several stacks once, then the findings and changes of each stack."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output.diff import DiffFormat, render_comparisons
from cli.output.review.reviewed import (
    Review,
    Reviewed,
    StacksByFinding,
    stacks_by_finding,
)
from cli.output.rights import rights_text
from cli.output.terminal import folded
from cli.output.text import coloured
from models.report import Report, finding_text, summary
from models.words import counted, listed


def render(review: Review) -> str:
    """A block for the findings that several stacks share, and one for each stack."""
    shared = stacks_by_finding(review)
    blocks = list(_shared_findings(shared))
    for reviewed in review.stacks:
        block = "\n\n".join(_parts(reviewed, shared))
        blocks.append(f"{block}\n")
    return "\n".join(blocks)


def _shared_findings(shared: StacksByFinding) -> Iterator[str]:
    for finding in shared.findings():
        stacks = shared.of(finding)
        if len(stacks) > 1:
            text = f"{finding_text(finding)}\n   = in: {listed(stacks)}\n"
            yield coloured(text)


def _parts(reviewed: Reviewed, shared: StacksByFinding) -> Iterator[str]:
    title = f"{reviewed.name}, touched by {reviewed.touched.because}:"
    yield "\n".join(folded(title))
    if reviewed.report:
        yield from _findings(reviewed.report, shared)
        rights = rights_text(reviewed.report)
        if rights:
            yield rights
    if reviewed.comparison:
        yield render_comparisons([reviewed.comparison], DiffFormat.TEXT)
    if reviewed.unreadable:
        yield f"not compared: {reviewed.unreadable}"


def _findings(report: Report, shared: StacksByFinding) -> Iterator[str]:
    """The findings that only this stack has, and the summary of all of them."""
    above = 0
    for finding in report.findings:
        if len(shared.of(finding)) > 1:
            above += 1
        else:
            yield coloured(finding_text(finding))
    line = summary(report)
    if above:
        line += (
            f"\n{counted(above, 'finding')} shown above, in common with other stacks"
        )
    yield line
