"""Test that a service answers correctly, with one small request for each feature."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from client import pooling_smoke
from client.answer import Answer
from client.body import question
from client.failed_check import FailedCheckError, expect
from client.http import Link, UnreachableError, get, post, send
from client.picture import red_square
from models.engines.requests import Kind
from models.engines.tasks import task_of
from models.service.resolved import ResolvedService

State = Literal["passed", "failed", "skipped"]

PROMPT = "Count from one to twenty in words."
SCHEMA = {"type": "boolean"}
"""A schema without braces. After a brace, the schema allows any number of spaces, and a weak model may write only these
until its tokens are used up."""

_ANSWER_TOKENS = 16
_TOKEN_ID = 100
"""A token id that every vocabulary has."""

_CAUSES = {
    "engine.numSchedulerSteps": "multi-step is on",
    "speculative.tokens": "speculation is on",
}
"""A setting of the service, and why a check is skipped because of it."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    state: State
    seconds: float | None = None
    """Duration of the check. None: no request was sent."""
    detail: str = ""
    """Why it failed or was skipped."""
    first: float | None = None
    """Seconds until the first text of a stream."""
    tokens_per_second: float | None = None
    """Tokens per second of a stream, after the first text."""


@dataclass(frozen=True)
class SmokeResult:
    """The results of a service."""

    service: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.state != "failed" for check in self.checks)


@dataclass
class Run:
    """The state of a smoke test."""

    link: Link
    service: ResolvedService
    first_answer: str = ""
    """The first answer. The check of stop texts repeats its question."""

    @property
    def kind(self) -> Kind:
        """The kind of requests that the service accepts."""
        if self.service.server.kind == "openai":
            return Kind.CHAT
        return Kind.GENERATE

    async def ask(
        self, text: str = PROMPT, *, images: tuple[str, ...] = (), **parameters: Any
    ) -> Answer:
        """Send a question with greedy sampling, which has always the same answer.

        Args:
            text: The question.
            images: Pictures as data URLs.
            parameters: Further parameters of the request.

        Raises:
            FailedCheckError: The service answers with an error.
        """
        fields = {"max_tokens": _ANSWER_TOKENS, "temperature": 0.0, **parameters}
        request = question(
            kind=self.kind,
            service=self.service,
            text=text,
            options=fields,
            images=images,
        )
        answer = await send(self.link, request)
        if not answer.ok:
            raise FailedCheckError(answer.failure)
        return answer


Test = Callable[[Run], Awaitable[Answer | None]]
"""A check. It raises `FailedCheckError`. The answer of a stream is measured."""


async def smoke(link: Link, service: ResolvedService) -> AsyncIterator[Check]:
    """Run the checks of a service one after another. If the server stops answering, the others are skipped."""
    run = Run(link, service)
    unreachable = ""
    for name, test, reason in checks(service):
        if reason or unreachable:
            yield Check(name, "skipped", detail=reason or unreachable)
            continue
        start = time.perf_counter()
        try:
            answer = await test(run)
        except (FailedCheckError, UnreachableError) as problem:
            if isinstance(problem, UnreachableError):
                unreachable = "the server no longer answers"
            yield Check(
                name, "failed", time.perf_counter() - start, detail=str(problem)
            )
            continue
        yield _passed(name, time.perf_counter() - start, answer)


def _passed(name: str, seconds: float, answer: Answer | None) -> Check:
    if answer is None or len(answer.pieces) < 2:
        return Check(name, "passed", seconds)
    return Check(
        name=name,
        state="passed",
        seconds=seconds,
        first=answer.first,
        tokens_per_second=answer.tokens_per_second,
    )


def checks(service: ResolvedService) -> Iterator[tuple[str, Test, str]]:
    """The checks of a service: name, test, and the reason to skip it, if any.

    Requests that would stop the engine are skipped; see `request_rules` of the release.
    """
    if service.server.kind == "api_server":
        yield from _plain_checks(service)
    elif task_of(service) in ("embed", "rerank"):
        yield from _pooling_checks(service)
    else:
        yield from _openai_checks(service)


def _openai_checks(service: ResolvedService) -> Iterator[tuple[str, Test, str]]:
    yield "health", _health, ""
    yield "models", _models, ""
    yield "chat", _answers, ""
    yield "stream", _stream, ""
    yield "stop", _stop, ""
    yield "n=2", _two_answers, _two_answers_reason(service)
    yield "guided json", _guided_json, _guided_json_reason(service)
    if service.lora:
        for adapter in service.lora.adapters:
            yield f"lora {adapter}", partial(_adapter, name=adapter), ""
    if service.multimodal:
        yield "picture", _picture, ""
    if service.server.api_key:
        yield "wrong key → 401", _wrong_key, ""
    yield "unknown model → 404", _unknown_model, ""
    yield "too long → 400", _too_long, ""


def _pooling_checks(service: ResolvedService) -> Iterator[tuple[str, Test, str]]:
    """The checks of a model that embeds texts, or that scores documents."""
    yield "health", _health, ""
    yield "models", _models, ""
    kind = Kind.RERANK
    if task_of(service) == "embed":
        kind = Kind.EMBED
        yield "embeddings", _pooling(pooling_smoke.embeds), ""
        yield "too long → 400", _pooling(pooling_smoke.refuses_long_text), ""
    yield "rerank", _pooling(pooling_smoke.reranks), ""
    yield "score", _pooling(pooling_smoke.scores_pairs), ""
    if service.server.api_key:
        yield "wrong key → 401", _wrong_key, ""
    unknown_model = partial(pooling_smoke.refuses_unknown_model, kind=kind)
    yield "unknown model → 404", _pooling(unknown_model), ""


def _pooling(check: Callable[..., Awaitable[None]]) -> Test:
    """A check of `pooling_smoke` in the form of the other checks."""

    async def test(run: Run) -> None:
        await check(link=run.link, service=run.service)

    return test


def _plain_checks(service: ResolvedService) -> Iterator[tuple[str, Test, str]]:
    yield "health", _health, ""
    yield "generate", _answers, ""
    yield "stream", _stream, ""
    yield "stop", _stop, ""
    yield "n=2", _two_answers, _two_answers_reason(service)
    yield "guided json", _guided_json, "api_server does not support it"


def _two_answers_reason(service: ResolvedService) -> str:
    cause = service.release.single_answer_key(service)
    if cause is None:
        return ""
    return _CAUSES[cause]


def _guided_json_reason(service: ResolvedService) -> str:
    if service.engine.num_scheduler_steps > 1:
        return _CAUSES["engine.numSchedulerSteps"]
    return ""


async def _health(run: Run) -> None:
    path = run.service.release.health_path
    status, _, _ = await get(run.link, path)
    expect(status == 200, f"{path} answers {status}")


async def _models(run: Run) -> None:
    status, text, _ = await get(run.link, "/v1/models")
    expect(status == 200, f"/v1/models answers {status}")
    names = _served_models(text)
    missing = [name for name in run.service.model_names if name not in names]
    served_names = ", ".join(names)
    missing_names = ", ".join(missing)
    expect(not missing, f"the server serves {served_names}, not {missing_names}")


def _served_models(text: str) -> list[str]:
    try:
        models = json.loads(text)["data"]
        names = {str(model["id"]) for model in models}
    except (ValueError, LookupError, TypeError):
        raise FailedCheckError(
            "/v1/models does not answer with a list of models"
        ) from None
    return sorted(names)


async def _answers(run: Run) -> Answer:
    answer = await run.ask()
    run.first_answer = answer.text
    _expect_text(answer)
    return answer


async def _stream(run: Run) -> Answer:
    answer = await run.ask(stream=True)
    _expect_text(answer)
    expect(len(answer.pieces) > 1, "the answer is not streamed")
    return answer


async def _stop(run: Run) -> None:
    """Repeat the first question with a letter of its answer as stop text. The new answer must not contain it."""
    letters = [letter for letter in run.first_answer.strip()[1:] if letter.isalnum()]
    if not letters:
        raise FailedCheckError(
            "the first answer has no letter that can be used as stop text"
        )
    stop = letters[0]
    answer = await run.ask(stop=stop)
    expect(
        stop not in answer.text, f"the answer continues after the stop text {stop!r}"
    )


async def _two_answers(run: Run) -> None:
    answer = await run.ask(n=2, temperature=1.0)
    expect(
        len(answer.texts) == 2, f"the number of answers is {len(answer.texts)}, not 2"
    )


async def _guided_json(run: Run) -> None:
    answer = await run.ask(
        "Is water wet? Answer true or false.", guided_json=SCHEMA, max_tokens=64
    )
    try:
        value = json.loads(answer.text)
    except ValueError:
        value = None
    expect(
        isinstance(value, bool),
        f"the answer does not match the schema: {answer.text[:60]!r}",
    )


async def _adapter(run: Run, name: str) -> None:
    _expect_text(await run.ask(model=name))


async def _picture(run: Run) -> None:
    _expect_text(await run.ask("What colour is this?", images=(red_square(),)))


async def _wrong_key(run: Run) -> None:
    status, _, _ = await get(replace(run.link, key="wrong"), "/v1/models")
    expect(status == 401, f"the server answers {status} to a wrong API key")


async def _unknown_model(run: Run) -> None:
    await _expect_status(run, 404, model="no-such-model")


async def _too_long(run: Run) -> None:
    """Send a prompt that is as long as maxModelLen. Newer releases shorten only the answer."""
    prompt = [_TOKEN_ID] * run.service.engine.max_model_len
    await _expect_status(run, 400, prompt=prompt)


async def _expect_status(run: Run, status: int, **fields: Any) -> None:
    request = question(
        kind=Kind.COMPLETE,
        service=run.service,
        text="hello",
        options={"max_tokens": 1, **fields},
    )
    answer = await post(run.link, request.endpoint.path, request.body)
    expect(answer.status == status, f"the server answers {answer.status}")


def _expect_text(answer: Answer) -> None:
    expect(bool(answer.text.strip()), "the answer is empty")
