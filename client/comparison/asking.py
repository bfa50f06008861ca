"""Ask both servers the questions, greedily: the first one twice, the second one once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from client.answer import Answer
from client.body import pooling
from client.body import question as text_request
from client.check import check_request
from client.comparison.chance import seeded
from client.comparison.questions import Question
from client.comparison.reply import Reply, reply_of
from client.comparison.side import Side
from client.http import UnreachableError, send
from models.engines.requests import Kind, Request

ATTEMPTS = 3
"""Times that a question is asked until it is answered. An error counts only if all of them fail."""

_LOST = 9
"""After so many failed connections in a row, a server gets no further question."""

_SEED = 20

_LOGPROBS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.CHAT: {"logprobs": True, "top_logprobs": 5},
    Kind.COMPLETE: {"logprobs": 5},
}
"""The fields for the logprobs of the tokens and of the most likely ones, by the kind of request."""

_TRANSIENT = (408, 429)
"""Statuses of a refused request that may be answered later."""

_DOCUMENTS = (
    "Water boils at 100 degrees Celsius at sea level.",
    "北京是中华人民共和国的首都。",
    "The train to the airport leaves every twenty minutes.",
    "A list in Python keeps the order of its items.",
)
"""Documents that a model for scores compares with each question."""


@dataclass(frozen=True)
class Triple:
    """A question with the two answers of A and the answer of B."""

    question: Question
    first: Reply
    again: Reply
    other: Reply

    @property
    def problem_of_a(self) -> str:
        """Why A did not answer; empty if it did, both times."""
        return self.first.error or self.again.error

    @property
    def is_compared(self) -> bool:
        """Whether both servers answered."""
        return not self.problem_of_a and not self.other.error

    @property
    def is_failed_by_b(self) -> bool:
        """Whether A answered, and B did not."""
        return not self.problem_of_a and bool(self.other.error)

    @property
    def has_other_prompt(self) -> bool:
        """Whether the question has another number of tokens for B than for A."""
        count = self.first.prompt_tokens
        other = self.other.prompt_tokens
        if count is None or other is None or count != self.again.prompt_tokens:
            return False
        return other != count


async def ask_all(
    a: Side,
    b: Side,
    questions: Sequence[Question],
    concurrency: int,
    tick: Callable[[], None] = lambda: None,
) -> list[Triple]:
    """Ask all questions.

    Args:
        a: The server that is the yardstick.
        b: The server that is judged.
        questions: The questions.
        concurrency: Questions that each server answers at the same time.
        tick: Called after each answer.
    """
    asked_of_a = _Asker(a, [*questions, *questions], tick)
    asked_of_b = _Asker(b, questions, tick)
    await asyncio.gather(asked_of_a.run(concurrency), asked_of_b.run(concurrency))
    count = len(questions)
    triples = []
    for index, question in enumerate(questions):
        triple = Triple(
            question=question,
            first=asked_of_a.replies[index],
            again=asked_of_a.replies[count + index],
            other=asked_of_b.replies[index],
        )
        triples.append(triple)
    return triples


class _Asker:
    """Asks one server a list of questions, in a mixed order that is the same in each run."""

    def __init__(
        self, side: Side, questions: Sequence[Question], tick: Callable[[], None]
    ) -> None:
        self.side = side
        self.questions = questions
        self.replies: dict[int, Reply] = {}
        self._tick = tick
        self._failed_connections = 0
        self._logprobs = True

    async def run(self, concurrency: int) -> None:
        """Ask all questions, some at the same time."""
        order = list(range(len(self.questions)))
        seeded(_SEED).shuffle(order)
        indices = iter(order)
        await asyncio.gather(*(self._work(indices) for _ in range(concurrency)))

    async def _work(self, indices: Iterator[int]) -> None:
        for index in indices:
            self.replies[index] = await self._ask(self.questions[index])
            self._tick()

    async def _ask(self, question: Question) -> Reply:
        request, problem = greedy_request(self.side, question, logprobs=self._logprobs)
        if request is None:
            return Reply(error=problem)
        for _ in range(ATTEMPTS):
            if self._failed_connections >= _LOST:
                return Reply(error="the server no longer answers")
            try:
                answer = await send(self.side.link, request)
            except UnreachableError as failure:
                self._failed_connections += 1
                problem = failure.message
                continue
            self._failed_connections = 0
            if answer.ok:
                return _read(request.kind, answer)
            problem = answer.failure
            if not _may_be_answered_later(answer):
                break
        if "logprobs" in request.body and "logprobs" in problem:
            self._logprobs = False  # such as a server with --max-logprobs 0
            return await self._ask(question)
        return Reply(error=problem)


def _read(kind: Kind, answer: Answer) -> Reply:
    try:
        return reply_of(kind, answer)
    except (AttributeError, LookupError, TypeError, ValueError):
        return Reply(error="the answer does not have the form of vLLM")


def _may_be_answered_later(answer: Answer) -> bool:
    """Whether the request itself is not what the server refuses."""
    is_refused = 400 <= answer.status < 500
    return not is_refused or answer.status in _TRANSIENT


def greedy_request(
    side: Side, question: Question, *, logprobs: bool = True
) -> tuple[Request | None, str]:
    """The request for a question, with logprobs if the service allows it.

    Args:
        side: The server.
        question: The question.
        logprobs: Whether to request the logprobs of the tokens.

    Returns:
        The request, or None and the reason why the service must not be asked.
    """
    if not side.has_texts:
        return _allowed(side, _pooling_request(side, question))
    fields = {"max_tokens": question.max_tokens, "temperature": 0.0}
    if logprobs:
        further = _LOGPROBS.get(side.kind, {})
        request, _ = _allowed(
            side, _text_request(side, question, {**fields, **further})
        )
        if request is not None:
            return request, ""
    return _allowed(side, _text_request(side, question, fields))


def _allowed(side: Side, request: Request) -> tuple[Request | None, str]:
    """The request, or the first error: a request may stop the engine of an old release."""
    for finding in check_request(request, side.service):
        if finding.severity == "error":
            return None, finding.message
    return request, ""


def _text_request(side: Side, question: Question, fields: dict[str, Any]) -> Request:
    if side.kind is not Kind.CHAT:
        return text_request(side.kind, side.service, question.whole_text, fields)
    request = text_request(side.kind, side.service, question.text, fields)
    if not question.system:
        return request
    system = {"role": "system", "content": question.system}
    messages = [system, *request.body["messages"]]
    return Request(side.kind, {**request.body, "messages": messages}, request.options)


def _pooling_request(side: Side, question: Question) -> Request:
    texts: list[str] = [question.text]
    if side.kind is not Kind.EMBED:
        texts += _DOCUMENTS
    return pooling(side.kind, side.service, texts, {})
