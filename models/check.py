"""All findings of a stack: schema errors, findings of the rules, and the warnings that the stack file accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from models.credentials import masked, masked_message, starred_shapes
from models.finding import Finding, Mark, Path, Span, error, warning
from models.fixes.join import join_fixes
from models.report import Accepted, Report
from models.rules.registry import is_about_stack_files, judge, judge_stack
from models.service.resolved import ResolvedStack
from models.stack_file.limits import LONGEST_MESSAGE, MOST_FINDINGS, too_large


def check(stack: ResolvedStack, further: Iterable[Finding] = ()) -> Report:
    """Apply every rule to a stack and report all findings of all services together.

    After too many findings, no further rule runs and no further service is checked.

    Args:
        stack: The stack.
        further: Findings from elsewhere, such as its cluster, to be included in the report.
    """
    services = {service.name for service in stack.services}
    across_services = [
        *stack.findings,
        *islice(judge_stack(stack), MOST_FINDINGS + 1),
    ]
    is_cut = len(across_services) > MOST_FINDINGS
    waivers = _Waivers(stack)
    of_the_stack = [
        finding for finding in across_services if finding.service not in services
    ]
    waivers.apply(of_the_stack, stack.accept, ())
    by_service = _by_service(across_services)
    for service in stack.services:
        of_service = [
            *islice(judge(service), MOST_FINDINGS + 1),
            *by_service.get(service.name, ()),
        ]
        is_cut = is_cut or len(of_service) > MOST_FINDINGS
        if is_cut:
            waivers.findings += of_service
        else:
            waivers.apply(of_service, service.accept, ("services", service.name))
        is_cut = is_cut or len(waivers.findings) > MOST_FINDINGS
        if is_cut:
            break
    findings = [*join_fixes(stack, waivers.findings), *further]
    if is_cut or len(findings) > MOST_FINDINGS:
        findings = [_not_shown(), *findings[:MOST_FINDINGS]]
    located = [_located(finding, stack.spans) for finding in findings]
    return Report(
        stack=stack.name,
        services=len(stack.services) + len(stack.broken),
        findings=tuple(sorted(located, key=_position)),
        accepted=tuple(waivers.accepted),
        unchecked=stack.broken,
    )


def _by_service(findings: Iterable[Finding]) -> dict[str | None, list[Finding]]:
    groups: dict[str | None, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.service, []).append(finding)
    return groups


class _Waivers:
    """Separates the findings that `accept` waives from the others."""

    def __init__(self, stack: ResolvedStack) -> None:
        self._spans = stack.spans
        self.accepted: list[Accepted] = []
        self.findings: list[Finding] = []

    def apply(
        self, findings: Sequence[Finding], accept: Mapping[str, str], owner: Path
    ) -> None:
        """Apply the waivers of a service or of the stack.

        Args:
            findings: The findings about it.
            accept: The reasons, by rule.
            owner: The path of the mapping with the key `accept`.
        """
        for finding in findings:
            if finding.severity != "error" and finding.rule in accept:
                reason = masked(accept[finding.rule])
                self.accepted.append(Accepted(_located(finding, self._spans), reason))
            else:
                self.findings.append(finding)
        for rule in accept:
            waived = [finding for finding in findings if finding.rule == rule]
            problem = _waiver_problem((*owner, "accept", rule), waived)
            if problem:
                service = owner[1] if owner else None
                self.findings.append(
                    replace(problem, rule="unused-accept", service=service)
                )


def _not_shown() -> Finding:
    """The finding that stands for those that are not shown. It is an error, because they may contain one."""
    return too_large(
        f"the stack has more than {MOST_FINDINGS} findings, and the others are not shown",
        Mark(()),
        fix="fix the findings that are shown",
    )


def _waiver_problem(path: Path, waived: Sequence[Finding]) -> Finding | None:
    """Why an entry under `accept` waives nothing; None if it waives something.

    Args:
        path: The path of the entry.
        waived: The findings of its rule.
    """
    rule = path[-1]
    subject = "service" if path[0] == "services" else "stack"
    marks = [Mark(path)]
    if not is_about_stack_files(rule):
        return error(
            f"accept names {rule!r}, but no rule has this id",
            why="an entry under accept waives the warning of one rule, by the rule's id",
            fix=f"remove accept.{rule}, or correct the id (`ascend-vllm rule` lists all ids)",
            marks=marks,
        )
    if not waived:
        return warning(
            f"accept waives {rule}, but this rule reports nothing for the {subject}",
            why="a waiver that is not needed would hide the rule's next finding",
            fix=f"remove accept.{rule}",
            marks=marks,
        )
    if waived[0].severity == "error":
        return error(
            f"accept waives {rule}, but its finding is an error",
            why="only warnings can be waived; an error stops the deployment",
            fix=f"remove accept.{rule}, and fix the error of {rule}",
            marks=marks,
        )
    return None


def _located(finding: Finding, spans: Mapping[Path, Span]) -> Finding:
    """The finding with the position of each mark in a file, and without credentials in its texts.

    A mark on a value that the file does not contain points at the mapping that would hold it. Marks at the position of
    an earlier mark are dropped.
    """
    marks: list[Mark] = []
    positions: list[Span | None] = []
    for mark in finding.marks:
        span = mark.span or _nearest_span(mark.path, spans)
        if span not in positions:
            positions.append(span)
            marks.append(_masked(replace(mark, span=span)))
    return replace(
        finding,
        message=_shown(finding.message),
        fix=_shown(finding.fix),
        marks=tuple(marks),
    )


def _shown(text: str) -> str:
    """A message or a fix without credentials. A text with a very long value is not shown."""
    if len(text) > LONGEST_MESSAGE:
        return f"the value is too long to be shown ({len(text)} characters)"
    return masked_message(text)


def _masked(mark: Mark) -> Mark:
    """The mark without credentials in the names of its keys and in its excerpt, whose columns stay."""
    path = tuple(masked(key) for key in mark.path)
    span = mark.span
    if span:
        span = replace(span, text=starred_shapes(span.text))
    return replace(mark, path=path, span=span)


def _nearest_span(path: Path, spans: Mapping[Path, Span]) -> Span | None:
    while path and path not in spans:
        path = path[:-1]
    return spans.get(path)


def _position(finding: Finding) -> tuple[str, int, int, str]:
    span = finding.span
    if span is None:
        return ("", 0, 0, finding.rule)
    return (span.file, span.line, span.column, finding.rule)
