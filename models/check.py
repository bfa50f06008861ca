"""All findings of a stack: the shape's, the rules', and what was accepted of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from models.finding import Finding, Mark, Path, Span, error, warning
from models.report import Accepted, Report
from models.rules.registry import judge, judge_stack, rule_ids
from models.service.resolved import ResolvedService, ResolvedStack


def check(stack: ResolvedStack, further: Iterable[Finding] = ()) -> Report:
    """Judge a stack by every rule; every finding of every service comes at once.

    Args:
        stack: The stack.
        further: What was found elsewhere, as in its cluster, to be told along with the rest.
    """
    across = [*judge_stack(stack)]
    names = [service.name for service in stack.services]
    found = [*stack.findings, *further, *(finding for finding in across if finding.service not in names)]
    accepted: list[Accepted] = []
    for service in stack.services:
        found_here = [*judge(service), *(finding for finding in across if finding.service == service.name)]
        waived = [finding for finding in found_here if _waived(service, finding)]
        accepted += [Accepted(_located(finding, stack.spans), service.accept[finding.rule]) for finding in waived]
        found += [finding for finding in found_here if finding not in waived]
        found += _waivers(service, found_here)
    located = sorted((_located(finding, stack.spans) for finding in found), key=_order)
    return Report(stack.name, len(stack.services) + len(stack.broken), tuple(located), tuple(accepted), stack.broken)


def _waived(service: ResolvedService, finding: Finding) -> bool:
    return finding.severity == "warning" and finding.rule in service.accept


def _waivers(service: ResolvedService, found: list[Finding]) -> Iterator[Finding]:
    """Waivers that waive nothing."""
    for name in service.accept:
        hits = [finding for finding in found if finding.rule == name]
        mark = Mark(("services", service.name, "accept", name))
        if name not in rule_ids():
            message, why = f"there is no rule {name!r} to accept", "a waiver names the rule whose warning it waives"
            problem = error(message, why=why, fix="correct the name; `ascend-vllm rule` lists them", marks=[mark])
        elif not hits:
            message, why = f"nothing to accept: {name} finds nothing here", "it would hide the next finding"
            problem = warning(message, why=why, fix="remove it", marks=[mark])
        elif hits[0].severity == "error":
            message, why = f"{name} is an error and cannot be accepted", "a waiver is for what works"
            problem = error(message, why=why, fix="mend what the rule says", marks=[mark])
        else:
            continue
        yield replace(problem, rule="unused-accept", service=service.name)


def _located(finding: Finding, spans: Mapping[Path, Span]) -> Finding:
    """The finding with the place of each mark; a mark on a value that is not given points at what holds it."""
    marks = [mark if mark.span else replace(mark, span=_nearest(mark.path, spans)) for mark in finding.marks]
    shown: list[Mark] = []
    for mark in marks:
        if not shown or mark.span not in [other.span for other in shown]:
            shown.append(mark)
    return replace(finding, marks=tuple(shown))


def _nearest(path: Path, spans: Mapping[Path, Span]) -> Span | None:
    while path and path not in spans:
        path = path[:-1]
    return spans.get(path)


def _order(finding: Finding) -> tuple[str, int, int, str]:
    span = finding.span
    return (span.file, span.line, span.column, finding.rule) if span else ("", 0, 0, finding.rule)
