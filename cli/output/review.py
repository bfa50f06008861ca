"""A review of touched stacks: a comment on a pull request about one stack, and a document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cli.output.diff import DiffFormat, render_comparisons
from cli.output.diff.comparison import Comparison
from cli.output.diff.json import stack_json
from cli.output.diff.markdown import code_span, fitting, folded
from cli.output.json import document as check_json
from cli.output.rights import (
    right_lines,
    rights_by_service,
    rights_json,
    rights_title,
)
from cli.output.touched import Touched
from models.report import Report, counts_line, finding_text
from models.words import counted

VERSION = 1
"""Of the JSON, see docs/reference/review-json.md; raised when a key changes its meaning or is removed."""

_FINDINGS = 3_000
_RIGHTS = 1_000
"""Most characters of the findings and of the rights. With the changes (60,000), a comment stays below GitHub's
65,536."""

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


def document(commit: str, reviews: Sequence[Reviewed]) -> str:
    """The contract for programs: of each touched stack the findings, the rights of its services, and the changes."""
    stacks = [_stack_json(reviewed) for reviewed in reviews]
    record = {"version": VERSION, "against": commit, "stacks": stacks}
    return json.dumps(record, indent=2, ensure_ascii=False)


def _stack_json(reviewed: Reviewed) -> dict[str, Any]:
    findings = None
    rights = []
    if reviewed.report:
        findings = check_json([reviewed.report])
        rights = rights_json(reviewed.report)
    changes = None
    if reviewed.comparison:
        changes = stack_json(reviewed.comparison)
    return {
        "name": reviewed.name,
        "files": reviewed.touched.files,
        "program": reviewed.touched.program,
        "check": findings,
        "rights": rights,
        "diff": changes,
        "notCompared": reviewed.unreadable or None,
    }


def comment(reviewed: Reviewed) -> str:
    """The comment: changes with their warnings, findings, rights, and the changed files."""
    sections = [_changes(reviewed)]
    if reviewed.report and reviewed.report.findings:
        sections.append(_findings(reviewed.report))
    if reviewed.report:
        sections += _rights(reviewed.report)
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
