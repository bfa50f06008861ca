"""For a pull request: the comment about one stack, with its errors first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cli.output.diff.markdown import (
    LONGEST,
    alert,
    code_span,
    fitting,
    folded,
    plain,
    refusal_alert,
    section,
)
from cli.output.review.reviewed import Review, Reviewed, stacks_by_finding
from cli.output.rights import (
    right_lines,
    rights_by_service,
    rights_title,
)
from cli.output.touched import Touched
from models.finding import Finding
from models.report import Report, counts_line, finding_text
from models.words import counted, listed

_FINDINGS = 3_000
_RIGHTS = 1_000
"""Most characters of the findings and of the rights. With the changes (60,000), a comment stays below GitHub's
65,536."""

_LONGEST_TITLE = 500
_LONGEST_REASON = 1000
_MOST_STACKS = 5


def comments(review: Review) -> dict[str, str]:
    """The comment about each touched stack."""
    stacks = stacks_by_finding(review)
    texts = {}
    for reviewed in review.stacks:
        remarks: dict[Finding, str] = {}
        if reviewed.report:
            for finding in reviewed.report.findings:
                remarks[finding] = _remark(reviewed.name, stacks.of(finding))
        texts[reviewed.name] = _comment(reviewed, remarks)
    return texts


def _comment(reviewed: Reviewed, remarks: Mapping[Finding, str]) -> str:
    """The errors, the changes with their warnings, all findings, rights, and the changed files."""
    sections = [_changes(reviewed, remarks)]
    if reviewed.report and reviewed.report.findings:
        sections.append(_findings(reviewed.report, remarks))
    if reviewed.report:
        sections += _rights(reviewed.report)
    sections += _reasons(reviewed.touched)
    return "\n\n".join(sections)


def _remark(stack: str, stacks: Sequence[str]) -> str:
    """The other stacks that have a finding; empty if there are none."""
    others = [plain(name) for name in stacks if name != stack]
    if not others:
        return ""
    names = others[:_MOST_STACKS]
    hidden = len(others) - _MOST_STACKS
    if hidden > 0:
        names.append(f"{hidden} more")
    return f"also in {listed(names)}"


def _changes(reviewed: Reviewed, remarks: Mapping[Finding, str]) -> str:
    if reviewed.comparison:
        return section(reviewed.comparison, LONGEST, remarks)
    title = f"### {code_span(reviewed.name)} against {code_span(reviewed.against)}"
    parts = [f"{title}\n"]
    if reviewed.errors:
        parts.append(refusal_alert(reviewed.errors, remarks))
    reason = code_span(reviewed.unreadable[:_LONGEST_REASON])
    parts.append(alert("IMPORTANT", f"Not compared: {reason}"))
    return "\n".join(parts)


def _findings(report: Report, remarks: Mapping[Finding, str]) -> str:
    """The folded findings."""
    texts = [_finding(finding, remarks[finding]) for finding in report.findings]
    blocks = fitting(texts, _FINDINGS)
    hidden = len(texts) - len(blocks)
    if hidden:
        blocks.append(
            f"{hidden} left out because of their length; all of them: ascend-vllm check {report.stack}"
        )
    title = counts_line(report)
    return folded(title[:_LONGEST_TITLE], "\n\n".join(blocks))


def _finding(finding: Finding, remark: str) -> str:
    text = finding_text(finding)
    if not remark:
        return text
    return f"{text}\n   = {remark}"


def _rights(report: Report) -> Iterator[str]:
    """A folded block with the rights of each service."""
    texts = []
    number = 0
    for service, rights in rights_by_service(report).items():
        texts.append("\n".join([rights_title(service), *right_lines(rights)]))
        number += len(rights)
    if not texts:
        return
    blocks = fitting(texts, _RIGHTS)
    hidden = len(texts) - len(blocks)
    if hidden:
        services = counted(hidden, "service")
        command = f"ascend-vllm check {report.stack} --format json"
        blocks.append(f"{services} left out because of the length; all: {command}")
    title = f"Rights of services beyond the default: {number} accepted"
    yield folded(title, "\n\n".join(blocks))


def _reasons(touched: Touched) -> Iterator[str]:
    """The files that touch the stack. The comparison uses the new program for both states."""
    files = code_span(touched.because[:_LONGEST_TITLE])
    yield f"Touched by {files}."
    if touched.program:
        yield (
            "The program changes, too. The comparison above uses the new program for both states. Run `pulumi preview` "
            "to see the changes that come from the program itself."
        )
