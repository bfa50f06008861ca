"""For GitHub Actions: a workflow command for each service that changes, at its lines of the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.output.diff.comparison import Comparison
from cli.output.diff.words import cluster_lines, counts, detail_lines, headline
from cli.output.github import annotation
from review import ServiceChange


def render(comparisons: Sequence[Comparison]) -> str:
    """A notice for every service that changes, a warning where it is down, ends or moves, and the counts."""
    return "\n".join(line for one in comparisons for line in _annotations(one))


def _annotations(comparison: Comparison) -> Iterator[str]:
    change, spans = comparison.change, comparison.new.spans
    if lines := [*cluster_lines(change)]:
        loud = change.moves or change.deletions or change.replacements
        text = "\n".join(lines)
        yield annotation("warning" if loud else "notice", f"cluster of {change.new}", text, spans.get(("cluster",)))
    for service in change.services:
        if service.kind != "unchanged":
            text = "\n".join([f"{service.name} {headline(change, service)}", *detail_lines(service.details, "")])
            yield annotation(_level(service), service.name, text, spans.get(("services", service.name)))
    yield annotation("notice", change.new, counts(change), None)


def _level(service: ServiceChange) -> str:
    return "warning" if service.downtime or service.ends else "notice"
