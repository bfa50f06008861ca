"""Prove that a service answers correctly: one small request for each thing that it has to do."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from client.answer import Answer
from client.body import question
from client.http import Link, UnreachableError, get, post, send
from client.picture import red_square
from models.engines.requests import Kind
from models.service.resolved import ResolvedService

State = Literal["passed", "failed", "skipped"]

PROMPT = "Count from one to twenty in words."
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}

_TOKENS = 16
_TOKEN = 100
"""An id that every vocabulary has."""


@dataclass(frozen=True)
class Check:
    """What was found out by one request."""

    name: str
    state: State
    seconds: float | None = None
    """How long it took; None when nothing was sent."""
    detail: str = ""
    """Why it failed or was skipped."""
    first: float | None = None
    """Seconds until the first text, of a stream."""
    tokens_per_second: float | None = None
    """After the first token, of a stream."""


@dataclass(frozen=True)
class Smoked:
    """What was found out about a service."""

    service: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.state != "failed" for check in self.checks)


class FailedCheckError(Exception):
    """The service does not do what it has to: what it does instead."""


@dataclass
class Run:
    """The checks of one service as they go on."""

    link: Link
    service: ResolvedService
    said: str = ""
    """The answer that the check of stop texts is made from."""

    @property
    def kind(self) -> Kind:
        """What the service is asked for."""
        return Kind.CHAT if self.service.server.kind == "openai" else Kind.GENERATE

    async def ask(self, text: str = PROMPT, *, images: tuple[str, ...] = (), **given: Any) -> Answer:
        """A question that has to be answered, without chance unless it is asked for.

        Raises:
            FailedCheckError: It is not.
        """
        fields = {"max_tokens": _TOKENS, "temperature": 0.0, **given}
        answer = await send(self.link, question(self.kind, self.service, text, fields, images))
        if not answer.ok:
            raise FailedCheckError(f"{answer.status}: {answer.error}" if answer.status != 200 else answer.error)
        return answer


Test = Callable[[Run], Awaitable[Answer | None]]


async def smoke(link: Link, service: ResolvedService) -> AsyncIterator[Check]:
    """The checks of a service, one after the other; when the server answers no more, the rest is skipped."""
    run, gone = Run(link, service), ""
    for name, test, reason in checks(service):
        if reason or gone:
            yield Check(name, "skipped", detail=reason or gone)
            continue
        began = time.perf_counter()
        try:
            answer = await test(run)
        except (FailedCheckError, UnreachableError) as problem:
            yield Check(name, "failed", time.perf_counter() - began, str(problem))
            gone = "the server does not answer any more" if isinstance(problem, UnreachableError) else ""
            continue
        spent = time.perf_counter() - began
        if answer and len(answer.pieces) > 1:
            yield Check(name, "passed", spent, first=answer.first, tokens_per_second=answer.tokens_per_second)
        else:
            yield Check(name, "passed", spent)


def checks(service: ResolvedService) -> Iterator[tuple[str, Test, str]]:
    """The checks of a service: name, test, and why it does not apply, if so.

    What would end the engine is not sent; see `request_rules` of the release.
    """
    openai = service.server.kind == "openai"
    yield "health", _health, ""
    if openai:
        yield "models", _models, ""
    yield ("chat" if openai else "generate"), _answers, ""
    yield "stream", _stream, ""
    yield "stop", _stop, ""
    yield "n=2", _two, _CAUSES.get(service.release.single_answer_key(service) or "", "")
    yield "guided json", _guided, _unguided(service)
    if openai:
        yield from _of_openai(service)


_CAUSES = {"engine.numSchedulerSteps": "multi-step is on", "speculative.tokens": "speculation is on"}


def _of_openai(service: ResolvedService) -> Iterator[tuple[str, Test, str]]:
    for adapter in service.lora.adapters if service.lora else ():
        yield f"lora {adapter}", partial(_adapter, name=adapter), ""
    if service.multimodal:
        yield "picture", _picture, ""
    if service.server.api_key:
        yield "wrong key → 401", _wrong_key, ""
    yield "unknown model → 404", _unknown_model, ""
    yield "too long → 400", _too_long, ""


def _unguided(service: ResolvedService) -> str:
    if service.server.kind != "openai":
        return "api_server has none"
    return _CAUSES["engine.numSchedulerSteps"] if service.engine.num_scheduler_steps > 1 else ""


async def _health(run: Run) -> None:
    path = run.service.release.health_path
    status, _, _ = await get(run.link, path)
    _expect(status == 200, f"{path} answers {status}")


async def _models(run: Run) -> None:
    status, text, _ = await get(run.link, "/v1/models")
    _expect(status == 200, f"/v1/models answers {status}")
    try:
        served = {str(card["id"]) for card in json.loads(text)["data"]}
    except (ValueError, LookupError, TypeError):
        raise FailedCheckError("/v1/models is no list of models") from None
    missing = [name for name in run.service.model_names if name not in served]
    _expect(not missing, f"{', '.join(missing)} is not served, but {', '.join(sorted(served))}")


async def _answers(run: Run) -> Answer:
    answer = await run.ask()
    run.said = answer.text
    _expect(bool(answer.text.strip()), "the answer is empty")
    return answer


async def _stream(run: Run) -> Answer:
    answer = await run.ask(stream=True)
    _expect(bool(answer.text.strip()), "the answer is empty")
    _expect(len(answer.pieces) > 1, "the answer comes in one piece")
    return answer


async def _stop(run: Run) -> None:
    """The same question with a letter of its answer as stop: the letter must not come."""
    letter = next((letter for letter in run.said.strip()[1:] if letter.isalnum()), None)
    if letter is None:
        raise FailedCheckError("the answer has no letter to stop at")
    answer = await run.ask(stop=letter)
    _expect(letter not in answer.text, f"the answer goes on after {letter!r}")


async def _two(run: Run) -> None:
    answer = await run.ask(n=2, temperature=1.0)
    _expect(len(answer.texts) == 2, f"the answers are {len(answer.texts)}, not 2")


async def _guided(run: Run) -> None:
    answer = await run.ask("Is water wet? Answer in JSON.", guided_json=SCHEMA, max_tokens=64)
    try:
        fits = isinstance(json.loads(answer.text)["ok"], bool)
    except (ValueError, LookupError, TypeError):
        fits = False
    _expect(fits, f"the answer does not follow the schema: {answer.text[:60]!r}")


async def _adapter(run: Run, name: str) -> None:
    answer = await run.ask(model=name)
    _expect(bool(answer.text.strip()), "the answer is empty")


async def _picture(run: Run) -> None:
    answer = await run.ask("What colour is this?", images=(red_square(),))
    _expect(bool(answer.text.strip()), "the answer is empty")


async def _wrong_key(run: Run) -> None:
    status, _, _ = await get(replace(run.link, key="wrong"), "/v1/models")
    _expect(status == 401, f"a wrong key is answered {status}")


async def _unknown_model(run: Run) -> None:
    await _refused(run, 404, model="no-such-model")


async def _too_long(run: Run) -> None:
    """The prompt alone fills the length: newer releases shorten the answer where that is what is too long."""
    await _refused(run, 400, prompt=[_TOKEN] * run.service.engine.max_model_len)


async def _refused(run: Run, status: int, **given: Any) -> None:
    asked = question(Kind.COMPLETE, run.service, "hello", {"max_tokens": 1, **given})
    answer = await post(run.link, asked.endpoint.path, asked.body)
    _expect(answer.status == status, f"it is answered {answer.status}")


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise FailedCheckError(otherwise)
