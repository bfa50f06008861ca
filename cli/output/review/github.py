"""For GitHub Actions: annotations of lines that the change touches.

GitHub shows ten of each level, so a finding that several stacks have in common is one annotation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cli.output.diff.github import cluster_level, service_level
from cli.output.diff.words import (
    cluster_lines,
    counts,
    detail_lines,
    headline,
    notes,
)
from cli.output.github import annotation, finding_level, finding_message
from cli.output.review.positions import Positions
from cli.output.review.reviewed import Review, Reviewed, stacks_by_finding
from cli.output.rights import right_lines, rights_by_service
from models.finding import Finding, Span
from models.report import counts_line
from models.words import listed

_LEVELS = ("error", "warning", "notice")


@dataclass(frozen=True, kw_only=True)
class _Note:
    """An annotation about one or more stacks."""

    subject: str
    """The subject. Notes about the same subject at the same position are one annotation."""
    level: str
    title: str
    text: str
    position: Span | None
    """The changed line on which it stands."""
    stacks: Sequence[str]
    place: str = ""
    """The position that the text is about, if it is another one."""


@dataclass
class _Text:
    """A text with the stacks that it concerns, and the positions elsewhere that it is about."""

    stacks: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)


@dataclass
class _Annotation:
    """An annotation about one subject, which may have another text for each stack."""

    level: str
    title: str
    position: Span | None
    texts: dict[str, _Text] = field(default_factory=dict)

    def add(self, note: _Note) -> None:
        """Add a note. The most serious level of all notes counts."""
        self.level = min(self.level, note.level, key=_LEVELS.index)
        holder = self.texts.setdefault(note.text, _Text())
        holder.stacks.extend(note.stacks)
        if note.place and note.place not in holder.places:
            holder.places.append(note.place)

    def line(self) -> str:
        """The workflow command."""
        paragraphs = []
        for text, holder in self.texts.items():
            paragraph = f"{listed(holder.stacks)}: {text}"
            if holder.places:
                paragraph += f"\nat {listed(holder.places)}"
            paragraphs.append(paragraph)
        return annotation(
            level=self.level,
            title=self.title,
            text="\n\n".join(paragraphs),
            span=self.position,
        )


class _Annotations:
    """All annotations; what two stacks have in common is one."""

    def __init__(self) -> None:
        self._by_subject: dict[tuple[object, ...], _Annotation] = {}

    def add(self, note: _Note) -> None:
        key = (note.subject, note.title, note.position)
        found = self._by_subject.get(key)
        if found is None:
            found = _Annotation(note.level, note.title, note.position)
            self._by_subject[key] = found
        found.add(note)

    def lines(self) -> Iterator[str]:
        """The workflow commands, the most serious first."""
        annotations = list(self._by_subject.values())
        annotations.sort(key=lambda item: _LEVELS.index(item.level))
        for item in annotations:
            yield item.line()


def render(review: Review) -> str:
    """An annotation for each finding, each changed service and each right, and a summary of each stack."""
    annotations = _Annotations()
    for note in _notes(review, Positions(review)):
        annotations.add(note)
    return "\n".join(annotations.lines())


def _notes(review: Review, positions: Positions) -> Iterator[_Note]:
    yield from _finding_notes(review, positions)
    for reviewed in review.stacks:
        yield _summary_note(reviewed)
    for reviewed in review.stacks:
        yield from _change_notes(reviewed, positions)
    for reviewed in review.stacks:
        yield from _right_notes(reviewed, positions)


def _finding_notes(review: Review, positions: Positions) -> Iterator[_Note]:
    shared = stacks_by_finding(review)
    for finding in shared.findings():
        stacks = shared.of(finding)
        yield _Note(
            subject=f"finding {finding.message}",
            level=finding_level(finding),
            title=finding.rule,
            text=finding_message(finding),
            position=positions.of_finding(stacks[0], finding),
            stacks=stacks,
            place=_place(finding, positions),
        )


def _summary_note(reviewed: Reviewed) -> _Note:
    lines = []
    if reviewed.report:
        lines.append(counts_line(reviewed.report))
    if reviewed.comparison:
        lines += notes(reviewed.comparison)
        lines.append(counts(reviewed.comparison))
    else:
        lines.append(f"not compared: {reviewed.unreadable}")
    is_gone = reviewed.comparison is not None and reviewed.comparison.gone
    return _Note(
        subject="summary",
        level="warning" if is_gone else "notice",
        title=reviewed.name,
        text="\n".join(lines),
        position=None,
        stacks=[reviewed.name],
    )


def _change_notes(reviewed: Reviewed, positions: Positions) -> Iterator[_Note]:
    """The changes of the cluster, and of each service. Nothing changes if the stack file is deleted."""
    comparison = reviewed.comparison
    if comparison is None or comparison.gone:
        return
    change = comparison.change
    lines = list(cluster_lines(change))
    if lines:
        yield _Note(
            subject="cluster",
            level=cluster_level(change),
            title="cluster",
            text="\n".join(lines),
            position=positions.of_cluster(reviewed.name),
            stacks=[reviewed.name],
        )
    for service in change.services:
        if service.kind == "unchanged":
            continue
        lines = [f"{service.name} {headline(change, service)}"]
        lines += detail_lines(service.details, indent="")
        yield _Note(
            subject="service",
            level=service_level(service),
            title=service.name,
            text="\n".join(lines),
            position=positions.of_service(reviewed, service),
            stacks=[reviewed.name],
        )


def _right_notes(reviewed: Reviewed, positions: Positions) -> Iterator[_Note]:
    if reviewed.report is None:
        return
    for service, rights in rights_by_service(reviewed.report).items():
        for waived in rights:
            finding = waived.finding
            text = "\n".join(right_lines([waived]))
            yield _Note(
                subject=f"right {text}",
                level="notice",
                title=f"right of {service}",
                text=text,
                position=positions.of_finding(reviewed.name, finding),
                stacks=[reviewed.name],
                place=_place(finding, positions),
            )


def _place(finding: Finding, positions: Positions) -> str:
    """The position of a finding if the change does not touch it, so that its annotation stands elsewhere."""
    span = finding.span
    if span is None or positions.is_changed(span):
        return ""
    return f"{span.file}:{span.line}"
