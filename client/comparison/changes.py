"""What became of the answer to each question, for the reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from client.comparison import distances
from client.comparison.asking import Triple
from client.comparison.reply import Reply
from models.engines.requests import POOLING, Kind

State = Literal["equal", "normalized", "tie", "other", "numbers", "failed", "left out"]
"""`normalized`: equal except white space. `tie`: differs after a near tie. `numbers`: see `distance`. `failed`: B does
not answer. `left out`: A does not answer."""


@dataclass(frozen=True)
class Change:
    """The answers of both servers to a question."""

    question: str
    topic: str
    language: str
    state: State
    distance: float | None = None
    """The distance of the logprobs, of the vectors or of the scores; None if there is none."""
    a: str = ""
    """The answer of A without credentials, or its error."""
    b: str = ""
    """The answer of B without credentials, or its error."""


def changes(
    kind: Kind, triples: Sequence[Triple], hide: Callable[[str], str]
) -> Iterator[Change]:
    """The answers to all questions.

    Args:
        kind: The kind of the requests.
        triples: The answers.
        hide: Hides credentials in a text.
    """
    for triple in triples:
        question = triple.question
        yield Change(
            question=question.id,
            topic=question.topic,
            language=question.language,
            state=_state(kind, triple),
            distance=_distance(kind, triple),
            a=hide(_shown(triple.first)),
            b=hide(_shown(triple.other)),
        )


def _state(kind: Kind, triple: Triple) -> State:
    first, other = triple.first, triple.other
    if triple.problem_of_a:
        return "left out"
    if other.error:
        return "failed"
    if kind in POOLING:
        return "numbers"
    return _state_of_texts(first, other)


def _state_of_texts(first: Reply, other: Reply) -> State:
    if distances.is_exactly_equal(first, other):
        return "equal"
    if distances.is_normalized_equal(first, other):
        return "normalized"
    if not distances.difference(first, other):
        return "tie"
    return "other"


def _distance(kind: Kind, triple: Triple) -> float | None:
    if not triple.is_compared:
        return None
    if kind is Kind.EMBED:
        return distances.cosine_distance(triple.first, triple.other)
    if kind in POOLING:
        return distances.score_distance(triple.first, triple.other)
    return distances.logprob_distance(triple.first, triple.other)


def _shown(reply: Reply) -> str:
    """The text or the error of an answer. Half characters, which no file can hold, are replaced."""
    text = reply.error or reply.text
    return text.encode("utf-8", "replace").decode("utf-8")
