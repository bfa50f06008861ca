"""The result of `compare` as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cli.output.table import Row, columns
from cli.output.terminal import paragraph
from client.comparison.changes import Change
from client.comparison.measure import Measure
from client.comparison.run import Comparison
from client.comparison.verdict import effect_text, value_text
from models.words import counted, display_width

VERSION = 1
"""Of the JSON, see docs/reference/compare-json.md; raised when a key changes its meaning or is removed."""

HEADER: Row = ("measure", "A", "B", "B worse by", "limit", "p", "")

_MOST_SHOWN = 3
"""Most questions whose answers are shown."""

_BEFORE = 12
"""Characters of an answer that are shown before its first difference."""

_WIDEST = 60
"""Columns of an answer that are shown."""


def text(comparison: Comparison) -> str:
    """The report for a terminal, in 80 columns."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    verdict = comparison.verdict
    yield f"A {comparison.a}"
    yield f"B {comparison.b}"
    yield from paragraph(
        "", f"{answers_in_words(comparison)}; {load_in_words(comparison)}"
    )
    yield ""
    yield from columns([HEADER, *measure_rows(comparison)])
    shown = [change for change in comparison.changes if change.state == "other"]
    if shown:
        yield ""
    for change in shown[:_MOST_SHOWN]:
        yield from _change_lines(change)
    if len(shown) > _MOST_SHOWN:
        yield f"{len(shown) - _MOST_SHOWN} more other answers: --format json"
    yield ""
    for note in verdict.notes:
        yield from paragraph("note: ", printable(note))
    for reason in verdict.reasons:
        yield from paragraph("  ✗ ", printable(reason.text))
    yield f"{verdict.word} B: {summary(comparison)}"


def answers_in_words(comparison: Comparison) -> str:
    """How many answers are equal: `60 questions: 58 equal, 1 after a near tie, 1 other`."""
    words = {
        "equal": "equal",
        "normalized": "equal except for white space",
        "tie": "different after a near tie",
        "other": "other",
        "numbers": "compared as numbers",
        "failed": "without an answer of B",
        "left out": "without an answer of A",
    }
    states = [change.state for change in comparison.changes]
    counts = []
    for state, word in words.items():
        count = sum(found == state for found in states)
        if count:
            counts.append(f"{count} {word}")
    return f"{counted(len(states), 'question')}: {', '.join(counts)}"


def load_in_words(comparison: Comparison) -> str:
    """The measurements under load."""
    load = comparison.load
    if not comparison.rounds:
        return "no load"
    rounds = counted(len(comparison.rounds), "round")
    return f"{rounds} of 3 × {counted(load.requests, 'request')}, {load.concurrency} at a time; seed {load.seed}"


def summary(comparison: Comparison) -> str:
    """The verdict in one sentence, with the error probability."""
    verdict = comparison.verdict
    probability = f"{comparison.limits.error_probability:.2g}"
    if verdict.word == "hold":
        reasons = counted(len(verdict.reasons), "reason")
        return f"{reasons}; an equal server is held with a probability of at most {probability}"
    return f"nothing exceeds a limit (error probability {probability})"


def measure_rows(comparison: Comparison) -> Iterator[Row]:
    """One row for each measure."""
    for measure in comparison.verdict.measures:
        observation = measure.observation
        yield (
            measure.aspect.title,
            value_text(measure, observation.same),
            value_text(measure, observation.other),
            effect_text(measure, measure.effect),
            effect_text(measure, measure.limit),
            f"{measure.p:.2g}",
            sign(measure),
        )


def sign(measure: Measure) -> str:
    """Whether a measure exceeds its limit."""
    if measure.is_exceeded:
        return "✗"
    if measure.is_unclear:
        return "?"
    return "✓"


def _change_lines(change: Change) -> Iterator[str]:
    start = _first_difference(change.a, change.b)
    yield printable(change.question)
    yield f"    A {excerpt(change.a, start)}"
    yield f"    B {excerpt(change.b, start)}"


def _first_difference(one: str, two: str) -> int:
    """The position of the first other character."""
    position = 0
    for character, other in zip(one, two, strict=False):
        if character != other:
            break
        position += 1
    return position


def excerpt(answer: str, start: int = 0) -> str:
    """A part of an answer from shortly before a position on, in one line without control characters."""
    begin = max(start - _BEFORE, 0)
    whole = printable(answer[begin : begin + _WIDEST])
    shown = ""
    for character in whole:
        if display_width(shown + character) > _WIDEST:
            break
        shown += character
    before = "…" if begin else ""
    is_cut = len(shown) < len(whole) or len(answer) > begin + _WIDEST
    after = "…" if is_cut else ""
    return f"“{before}{shown}{after}”"


def printable(answer: str) -> str:
    """A text whose characters that cannot be printed are written as escapes, such as \\n."""
    return "".join(_printable_character(character) for character in answer)


def _printable_character(character: str) -> str:
    if character.isprintable():
        return character
    return repr(character)[1:-1]


def document(comparison: Comparison) -> str:
    """The contract for programs."""
    verdict = comparison.verdict
    load = comparison.load
    reasons = []
    for reason in verdict.reasons:
        reasons.append({"name": reason.name, "text": reason.text})
    record = {
        "version": VERSION,
        "verdict": verdict.word,
        "reasons": reasons,
        "notes": list(verdict.notes),
        "a": comparison.a,
        "b": comparison.b,
        "errorProbability": comparison.limits.error_probability,
        "errorProbabilityOfMeasure": verdict.alpha,
        "measures": [_measure(measure) for measure in verdict.measures],
        "questions": [_question(change) for change in comparison.changes],
        "load": {
            "rounds": load.rounds,
            "requests": load.requests,
            "concurrency": load.concurrency,
            "seed": load.seed,
        },
        "rounds": [_round(round_.in_order) for round_ in comparison.rounds],
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _measure(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.aspect.name,
        "unit": measure.aspect.unit,
        "a": measure.observation.same,
        "b": measure.observation.other,
        "effect": measure.effect,
        "low": measure.low,
        "high": measure.high,
        "limit": measure.limit,
        "p": measure.p,
        "cases": len(measure.observation.blocks),
        "exceeded": measure.is_exceeded,
    }


def _question(change: Change) -> dict[str, Any]:
    return {
        "id": change.question,
        "topic": change.topic,
        "language": change.language,
        "state": change.state,
        "distance": change.distance,
        "a": change.a,
        "b": change.b,
    }


def _round(times: Any) -> dict[str, dict[str, float]]:
    first, again, other = times
    return {"a": dict(first), "aAgain": dict(again), "b": dict(other)}
