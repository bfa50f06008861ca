"""Where annotations of a pull request stand: on lines that it changes, never in a file that it does not touch."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence

from cli.output.review.reviewed import ChangedLines, Review, Reviewed
from models.finding import Finding, Path, Span
from models.service.resolved import ResolvedStack
from review import ServiceChange

_CLUSTER: Path = ("cluster",)

LinesByOwner = dict[Path, list[Span]]
"""The changed lines of each service and section of a stack, by the beginning of its path."""


class Positions:
    """Finds the changed line for each annotation. Files are named from the top directory of the repository."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._by_owner: dict[str, LinesByOwner] = {}
        self._files: dict[str, Sequence[str]] = {}
        for reviewed in review.stacks:
            self._files[reviewed.name] = reviewed.touched.files
            lines: LinesByOwner = {}
            if reviewed.stack:
                lines = _lines_by_owner(reviewed.stack, review)
            self._by_owner[reviewed.name] = lines

    def of_finding(self, stack: str, finding: Finding) -> Span | None:
        """The marked line if the change touches it, else a changed line of the same service or of the cluster."""
        for mark in finding.marks:
            if mark.span and self.is_changed(mark.span):
                return self._in_repository(mark.span)
        for mark in finding.marks:
            lines = self._lines_of(stack, mark.path)
            if lines:
                return lines[0]
        position = self.of_cluster(stack)
        if position or finding.service:
            return position
        return self._of_files(stack, finding)

    def of_service(self, reviewed: Reviewed, service: ServiceChange) -> Span | None:
        """The first changed line of a service. A removed service was where its lines are missing now."""
        path = ("services", service.name)
        lines = self._lines_of(reviewed.name, path)
        if lines:
            return lines[0]
        if service.new is None and reviewed.comparison:
            return self._removal(reviewed.comparison.old, path)
        return self.of_cluster(reviewed.name)

    def of_cluster(self, stack: str) -> Span | None:
        """The first changed line of the section `cluster`."""
        lines = self._lines_of(stack, _CLUSTER)
        return lines[0] if lines else None

    def is_changed(self, span: Span) -> bool:
        """Whether the change touches the line of a position."""
        changed = self._review.lines_of(span)
        return changed is not None and span.line in changed.lines

    def _in_repository(self, span: Span) -> Span:
        changed = self._review.lines_of(span)
        path = changed.path if changed else span.file
        return _line(path, span.line)

    def _lines_of(self, stack: str, path: Path) -> list[Span]:
        return self._by_owner[stack].get(_owner(path), [])

    def _of_files(self, stack: str, finding: Finding) -> Span | None:
        """The first changed line of a file, for a finding about a file that cannot be read."""
        files = []
        if finding.span:
            files.append(os.path.normpath(finding.span.file))
        files += self._files[stack]
        for file in files:
            changed = self._review.changed_lines.get(file)
            if changed:
                return _line(changed.path, min(changed.lines))
        return None

    def _removal(self, old: ResolvedStack, path: Path) -> Span | None:
        span = old.spans.get(path)
        if span is None:
            return None
        changed = self._review.lines_of(span)
        if changed is None or span.line not in changed.replacements:
            return None
        return _line(changed.path, changed.replacements[span.line])


def _lines_by_owner(stack: ResolvedStack, review: Review) -> LinesByOwner:
    """The changed lines of each owner. A line without a value belongs to the value before it."""
    owners = _owners_by_line(stack)
    found: LinesByOwner = {}
    for file in sorted(owners):
        changed = review.changed_lines.get(file)
        if changed is None:
            continue
        for owner, line in _owned_lines(owners[file], changed):
            found.setdefault(owner, []).append(_line(changed.path, line))
    return found


def _owners_by_line(stack: ResolvedStack) -> dict[str, dict[int, set[Path]]]:
    """The owners of the values on each line, by file. The lines of an anchor have several owners."""
    owners: dict[str, dict[int, set[Path]]] = defaultdict(lambda: defaultdict(set))
    for path, span in stack.spans.items():
        file = os.path.normpath(span.file)
        owners[file][span.line].add(_owner(path))
    return owners


def _owned_lines(
    owners: dict[int, set[Path]], changed: ChangedLines
) -> Iterator[tuple[Path, int]]:
    lines_with_values = sorted(owners)
    for line in sorted(changed.lines):
        index = bisect_right(lines_with_values, line)
        if index == 0:
            continue
        nearest = lines_with_values[index - 1]
        for owner in sorted(owners[nearest]):
            yield owner, line


def _owner(path: Path) -> Path:
    """The beginning of a path: a service, or another section of the stack."""
    if path[:1] == ("services",):
        return path[:2]
    return path[:1]


def _line(path: str, line: int) -> Span:
    return Span(path, line, column=1, length=1, text="")
