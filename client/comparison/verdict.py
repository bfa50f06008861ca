"""The verdict of a comparison: promote B, or hold it, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from client.comparison.asking import Triple
from client.comparison.block_test import fewest_blocks
from client.comparison.measure import Measure, Observation, judged
from client.comparison.observations import (
    number_observations,
    text_observations,
    time_observations,
)
from client.comparison.speed import Round
from models.engines.requests import POOLING, Kind
from models.stack_file.keys.comparison import Compare
from models.words import counted

MOST_MEASURES = 10
"""Measures of a comparison. The error probability is divided among so many, even if a server has fewer."""


class NotComparableError(Exception):
    """There are too few answers for a verdict."""


@dataclass(frozen=True)
class Evidence:
    """Everything that was observed."""

    kind: Kind
    triples: Sequence[Triple]
    rounds: Sequence[Round] = ()
    load_problem: str = ""
    """Why B did not answer under load; empty if it did."""

    @property
    def compared(self) -> list[Triple]:
        """The questions that both servers answered."""
        return [triple for triple in self.triples if triple.is_compared]

    @property
    def left_out(self) -> list[Triple]:
        """The questions that A did not answer."""
        return [triple for triple in self.triples if triple.problem_of_a]


@dataclass(frozen=True)
class Reason:
    """Why B is held."""

    name: str
    """The measure; `answers`, `prompts` or `load` for what is certain without a test."""
    text: str


@dataclass(frozen=True)
class Verdict:
    """The result of a comparison."""

    word: Literal["promote", "hold"]
    reasons: tuple[Reason, ...]
    """Why B is held; empty if it is promoted."""
    notes: tuple[str, ...]
    """What the comparison did not show."""
    measures: tuple[Measure, ...]
    alpha: float
    """Largest probability of one measure to exceed its limit if both servers are equal."""


def alpha_of(limits: Compare) -> float:
    """The error probability of one measure (Bonferroni)."""
    return limits.error_probability / MOST_MEASURES


def judge(evidence: Evidence, limits: Compare) -> Verdict:
    """Judge a comparison. The same evidence has always the same verdict.

    Raises:
        NotComparableError: A answered too few questions.
    """
    alpha = alpha_of(limits)
    require_enough(evidence.triples, limits)
    measures = [
        judged(observation, alpha) for observation in _observations(evidence, limits)
    ]
    reasons = list(_failures(evidence))
    if limits.same_prompts:
        reasons += _other_prompts(evidence.compared)
    for measure in measures:
        if measure.is_exceeded:
            reasons.append(Reason(measure.aspect.name, _exceeded(measure)))
    word: Literal["promote", "hold"] = "promote"
    if reasons:
        word = "hold"
    return Verdict(
        word=word,
        reasons=tuple(reasons),
        notes=tuple(_notes(evidence, measures)),
        measures=tuple(measures),
        alpha=alpha,
    )


def require_enough(triples: Sequence[Triple], limits: Compare) -> None:
    """Refuse a comparison that could not hold B, whatever its answers are.

    Raises:
        NotComparableError: A answered too few questions.
    """
    fewest = fewest_blocks(alpha_of(limits))
    left_out = [triple for triple in triples if triple.problem_of_a]
    answered = len(triples) - len(left_out)
    if answered >= fewest:
        return
    message = f"A answers {answered} of {counted(len(triples), 'question')}, and a verdict needs {fewest}"
    if left_out:
        first = left_out[0]
        message = f"{message}; {first.question.id}: {first.problem_of_a}"
    raise NotComparableError(message)


def _observations(evidence: Evidence, limits: Compare) -> Iterator[Observation]:
    if evidence.compared and evidence.kind in POOLING:
        yield from number_observations(evidence.compared, limits, evidence.kind)
    elif evidence.compared:
        yield from text_observations(evidence.compared, limits)
    yield from time_observations(evidence.rounds, limits)


def _failures(evidence: Evidence) -> Iterator[Reason]:
    """The errors of B. They are no noise, because each was repeated."""
    failed = [triple for triple in evidence.triples if triple.is_failed_by_b]
    if failed:
        first = failed[0]
        count = counted(len(failed), "question")
        text = f"B does not answer {count} that A answers; {first.question.id}: {first.other.error}"
        yield Reason("answers", text)
    if evidence.load_problem:
        text = f"B does not answer under load: {evidence.load_problem}"
        yield Reason("load", text)


def _other_prompts(triples: Sequence[Triple]) -> Iterator[Reason]:
    """Another number of tokens of the same question is no noise either."""
    others = [triple for triple in triples if triple.has_other_prompt]
    if not others:
        return
    first = others[0]
    text = (
        f"the chat template or the tokenizer differs: {len(others)} of {counted(len(triples), 'question')} "
        f"have another number of tokens ({first.question.id}: {first.first.prompt_tokens} for A, "
        f"{first.other.prompt_tokens} for B)"
    )
    yield Reason("prompts", text)


def _exceeded(measure: Measure) -> str:
    """Why a measure holds B."""
    aspect = measure.aspect
    same = value_text(measure, measure.observation.same)
    other = value_text(measure, measure.observation.other)
    effect = effect_text(measure, measure.effect)
    limit = effect_text(measure, measure.limit)
    return f"{aspect.sentence}: {aspect.title} {other}, for A {same}; {effect} exceeds {limit} (p = {measure.p:.2g})"


def _notes(evidence: Evidence, measures: Sequence[Measure]) -> Iterator[str]:
    left_out = evidence.left_out
    if left_out:
        first = left_out[0]
        yield (
            f"{counted(len(left_out), 'question')} left out, because A does not answer; "
            f"{first.question.id}: {first.problem_of_a}"
        )
    names = [measure.aspect.name for measure in measures]
    if "equal" in names and "logprobs" not in names:
        yield "without logprobs, every other answer counts, even after a near tie"
    for measure in measures:
        if measure.is_unclear:
            yield _unclear(measure)


def _unclear(measure: Measure) -> str:
    more = "questions"
    if measure.aspect.unit == "time":
        more = "--rounds"
    high = effect_text(measure, measure.high)
    limit = effect_text(measure, measure.limit)
    return f"{measure.aspect.title}: the noise does not exclude {high}, above the limit {limit}; use more {more}"


def value_text(measure: Measure, value: float) -> str:
    """A value of A or B."""
    unit = measure.aspect.unit
    if unit == "share":
        return f"{value:.0%}"
    if unit == "time":
        return f"{value * 1000:.3g} ms"
    return f"{value:.3f}"


def effect_text(measure: Measure, effect: float) -> str:
    """How much worse B is, with the sign."""
    if measure.aspect.unit in ("share", "time"):
        return f"{effect:+.1%}"
    return f"{effect:+.3f}"
