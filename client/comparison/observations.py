"""What is measured of the answers and of the times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence

from client.comparison import distances
from client.comparison.asking import Triple
from client.comparison.block_test import Block, block_of_distances, block_of_values
from client.comparison.faults import is_no_text, is_refusal, is_repetition, is_wrong
from client.comparison.measure import Aspect, Observation
from client.comparison.questions import Question
from client.comparison.reply import Reply
from client.comparison.speed import Round
from models.engines.requests import Kind
from models.stack_file.keys.comparison import Compare

Distance = Callable[[Reply, Reply], float | None]
Fault = Callable[[Reply, Question], bool]

_EQUAL = Aspect(
    "equal",
    "other answers",
    "share",
    "B answers differently than A, not only where two tokens are almost equally likely",
)
_LOGPROBS = Aspect(
    "logprobs",
    "logprob distance",
    "nats",
    "the same tokens are more or less likely for B than for A",
)
_LENGTH = Aspect(
    "length", "change of length", "distance", "the answers of B have a different length"
)
_COSINE = Aspect(
    "cosine", "1 - cosine", "distance", "the vectors of B have a different direction"
)
_SCORES = Aspect("scores", "change of scores", "distance", "the scores of B differ")

_FAULTS: tuple[tuple[Aspect, Fault], ...] = (
    (
        Aspect("wrong", "wrong answers", "share", "B gives more wrong answers"),
        is_wrong,
    ),
    (
        Aspect("refusals", "refusals", "share", "B refuses more questions"),
        lambda reply, _: is_refusal(reply.text),
    ),
    (
        Aspect("repetitions", "repetitions", "share", "B repeats itself more often"),
        lambda reply, _: is_repetition(reply.text),
    ),
    (
        Aspect("no-text", "not text", "share", "B gives more answers without text"),
        lambda reply, question: is_no_text(reply.text, question.whole_text),
    ),
)

_TIMES = (
    Aspect("ttft", "time to first token", "time", "B takes longer to begin"),
    Aspect("tpot", "time per token", "time", "B takes longer for each token"),
    Aspect("latency", "time of a request", "time", "B takes longer for a request"),
    Aspect("throughput", "time of the load", "time", "B has a lower throughput"),
)


def text_observations(
    triples: Sequence[Triple], limits: Compare
) -> Iterator[Observation]:
    """The measures of answers that are texts."""
    repeated = 1 - _mean(
        [distances.difference(triple.first, triple.again) for triple in triples]
    )
    limit_of_equal = (1 - limits.min_equal) * repeated
    limit_of_length = math.log(1 + limits.max_length_change)
    yield from _of_distance(_EQUAL, triples, distances.difference, limit_of_equal)
    yield from _of_distance(
        _LOGPROBS, triples, distances.logprob_distance, limits.max_logprob_distance
    )
    yield from _of_distance(
        _LENGTH, triples, distances.length_distance, limit_of_length
    )
    for aspect, fault in _FAULTS:
        yield _of_fault(aspect, triples, fault, limits.max_worse)


def number_observations(
    triples: Sequence[Triple], limits: Compare, kind: Kind
) -> Iterator[Observation]:
    """The measures of answers that are vectors or scores."""
    if kind is Kind.EMBED:
        limit = 1 - limits.min_cosine
        yield from _of_distance(_COSINE, triples, distances.cosine_distance, limit)
    else:
        limit = limits.max_score_change
        yield from _of_distance(_SCORES, triples, distances.score_distance, limit)


def time_observations(
    rounds: Sequence[Round], limits: Compare
) -> Iterator[Observation]:
    """The measures of speed: those times that all measurements of all rounds have."""
    for aspect in _TIMES:
        name = aspect.name
        if not rounds or not all(round_.has(name) for round_ in rounds):
            continue
        blocks = []
        of_a = []
        of_b = []
        for round_ in rounds:
            first, again, other = (times[name] for times in round_.in_order)
            blocks.append(
                block_of_values(math.log(first), math.log(again), math.log(other))
            )
            of_a.append((first + again) / 2)
            of_b.append(other)
        yield Observation(
            aspect=aspect,
            same=statistics.median(of_a),
            other=statistics.median(of_b),
            limit=limits.max_slowdown,
            blocks=tuple(blocks),
        )


def _of_distance(
    aspect: Aspect, triples: Sequence[Triple], distance: Distance, limit: float
) -> Iterator[Observation]:
    """A measure of how far answers are apart; none if no question has it."""
    blocks: list[Block] = []
    same: list[float] = []
    other: list[float] = []
    for triple in triples:
        first_again = distance(triple.first, triple.again)
        first_other = distance(triple.first, triple.other)
        again_other = distance(triple.again, triple.other)
        if first_again is None or first_other is None or again_other is None:
            continue
        blocks.append(block_of_distances(first_again, first_other, again_other))
        same.append(first_again)
        other.append((first_other + again_other) / 2)
    if blocks:
        yield Observation(
            aspect=aspect,
            same=_mean(same),
            other=_mean(other),
            limit=limit,
            blocks=tuple(blocks),
        )


def _of_fault(
    aspect: Aspect, triples: Sequence[Triple], fault: Fault, limit: float
) -> Observation:
    """A measure of how many answers have a fault."""
    blocks: list[Block] = []
    of_a: list[float] = []
    of_b: list[float] = []
    for triple in triples:
        first = float(fault(triple.first, triple.question))
        again = float(fault(triple.again, triple.question))
        other = float(fault(triple.other, triple.question))
        blocks.append(block_of_values(first, again, other))
        of_a.append((first + again) / 2)
        of_b.append(other)
    return Observation(
        aspect=aspect,
        same=_mean(of_a),
        other=_mean(of_b),
        limit=limit,
        blocks=tuple(blocks),
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
