"""For GitHub Actions: one workflow command for each changed service, at its lines of the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.output.diff.comparison import Comparison
from cli.output.diff.words import (
    cluster_lines,
    counts,
    detail_lines,
    headline,
    refusal,
)
from cli.output.github import annotation
from review import ServiceChange, StackChange


def render(comparisons: Sequence[Comparison]) -> str:
    """A notice for every changed service, a warning if it is down, ends or moves, and the summary."""
    lines: list[str] = []
    for comparison in comparisons:
        lines += _annotations(comparison)
    return "\n".join(lines)


def cluster_level(change: StackChange) -> str:
    """A warning if objects are deleted or recreated, else a notice."""
    if change.moves or change.deletions or change.replacements:
        return "warning"
    return "notice"


def service_level(service: ServiceChange) -> str:
    """A warning if the service is down or ends, else a notice."""
    if service.downtime or service.ends:
        return "warning"
    return "notice"


def _annotations(comparison: Comparison) -> Iterator[str]:
    change = comparison.change
    spans = comparison.new.spans
    lines = list(cluster_lines(change))
    if lines:
        yield annotation(
            level=cluster_level(change),
            title=f"cluster of {change.new}",
            text="\n".join(lines),
            span=spans.get(("cluster",)),
        )
    for service in change.services:
        if service.kind == "unchanged":
            continue
        outcome = headline(change, service)
        lines = [f"{service.name} {outcome}"]
        lines += detail_lines(service.details, indent="")
        yield annotation(
            level=service_level(service),
            title=service.name,
            text="\n".join(lines),
            span=spans.get(("services", service.name)),
        )
    refused = refusal(comparison)
    if refused:
        yield annotation("error", change.new, refused)
    yield annotation("notice", change.new, counts(comparison))
