"""Run a comparison: ask the questions, then measure under load, then judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from client.comparison.asking import ask_all
from client.comparison.changes import Change, changes
from client.comparison.questions import Question
from client.comparison.side import Side
from client.comparison.speed import (
    NotMeasuredError,
    Round,
    SpeedLoad,
    measure_rounds,
)
from client.comparison.verdict import Evidence, Verdict, judge, require_enough
from client.http import UnreachableError
from models.stack_file.keys.comparison import Compare


class Progress(Protocol):
    """Shows how far the comparison is."""

    def begin(self, things: str, total: int) -> None:
        """Begin to count."""

    def tick(self) -> None:
        """Count one more."""


@dataclass(frozen=True)
class Comparison:
    """A comparison with its verdict."""

    a: str
    """The name of the server that is the yardstick."""
    b: str
    """The name of the server that is judged."""
    verdict: Verdict
    changes: tuple[Change, ...]
    load: SpeedLoad
    rounds: tuple[Round, ...]
    limits: Compare


async def compare(
    a: Side,
    b: Side,
    questions: Sequence[Question],
    load: SpeedLoad,
    limits: Compare,
    progress: Progress,
) -> Comparison:
    """Compare two servers.

    Args:
        a: The server that is the yardstick.
        b: The server that is judged.
        questions: The questions.
        load: The load, and the number of requests at the same time.
        limits: The limits.
        progress: Shows how far the comparison is.

    Raises:
        NotComparableError: A answered too few questions.
        UnreachableError: A does not answer under load.
    """
    progress.begin("answers", 3 * len(questions))
    triples = await ask_all(a, b, questions, load.concurrency, progress.tick)
    require_enough(triples, limits)
    rounds, load_problem = await _rounds(a, b, load, progress)
    evidence = Evidence(a.kind, triples, rounds, load_problem)
    return Comparison(
        a=a.name,
        b=b.name,
        verdict=judge(evidence, limits),
        changes=tuple(changes(a.kind, triples, _hidden_by(a, b))),
        load=load,
        rounds=tuple(rounds),
        limits=limits,
    )


async def _rounds(
    a: Side, b: Side, load: SpeedLoad, progress: Progress
) -> tuple[list[Round], str]:
    """The rounds, or the reason why B does not answer under load.

    Raises:
        UnreachableError: A does not answer under load.
    """
    if load.rounds == 0:
        return [], ""
    progress.begin("measurements", 2 + 3 * load.rounds)
    try:
        return await measure_rounds(a, b, load, progress.tick), ""
    except NotMeasuredError as problem:
        if problem.side is not b:
            raise UnreachableError(
                f"{a.name} does not answer under load: {problem.message}",
                "lower --concurrency, or find the cause: ascend-vllm status",
            ) from None
        return [], problem.message


def _hidden_by(a: Side, b: Side) -> Callable[[str], str]:
    """Hides the API keys of both servers, and other credentials."""

    def hide(text: str) -> str:
        return a.link.hidden(b.link.hidden(text))

    return hide
