"""How servers are asked: greedily, by the fields of their release, and again after an error."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from client.answer import Answer, Piece
from client.comparison.asking import Triple, _read, ask_all, greedy_request
from client.comparison.questions import Question
from client.comparison.side import Side, described, kind_of
from client.comparison.speed import NotMeasuredError, Round, SpeedLoad, measure_rounds
from client.http import UnreachableError, linked
from models.engines.requests import Kind
from models.service.resolved import ResolvedService
from tests.client.comparison.model_server import Model, Served, serving
from tests.client.conftest import PLAIN, service_of, service_of_release

pytestmark = pytest.mark.slow

QUESTIONS = [Question(id=f"q{number}", text=f"What is {number}?", max_tokens=8) for number in range(6)]
LOAD = SpeedLoad(rounds=2, requests=2, concurrency=2, seed=1)


def request_to(service: ResolvedService, question: Question, kind: Kind | None = None) -> dict[str, Any]:
    side = Side("a", service, link=None, kind=kind or kind_of(service))  # type: ignore[arg-type]  # nothing is sent
    request, problem = greedy_request(side, question)
    assert request is not None, problem
    return dict(request.body)


def asked(a: Served, b: Served) -> list[Triple]:
    async def ask() -> list[Triple]:
        async with linked(a.url, None, timeout=5) as link_a, linked(b.url, None, timeout=5) as link_b:
            side_a = Side("a", await described(link_a), link_a, Kind.CHAT)
            side_b = Side("b", await described(link_b), link_b, Kind.CHAT)
            return await ask_all(side_a, side_b, QUESTIONS, concurrency=3)

    return asyncio.run(ask())


@pytest.mark.parametrize("version", ["0.18.0", "0.23.0", "0.30.0"])
def test_a_chat_asks_greedily_for_logprobs(version: str) -> None:
    body = request_to(service_of_release(version), Question(id="a", text="Hi", system="Be short.", max_tokens=9))

    assert body["messages"] == [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}]
    assert (body["temperature"], body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (0.0, 9, True, 5)


def test_a_completion_has_the_message_of_the_system_in_its_prompt() -> None:
    question = Question(id="a", text="Hi", system="Be short.")
    body = request_to(service_of_release("0.23.0"), question, Kind.COMPLETE)

    assert (body["prompt"], body["logprobs"]) == ("Be short.\n\nHi", 5)


def test_the_plain_server_gives_no_logprobs() -> None:
    body = request_to(service_of(PLAIN), QUESTIONS[0])

    assert "logprobs" not in body
    assert body["prompt"] == "What is 0?"


def test_a_server_that_refuses_logprobs_is_asked_without_them() -> None:
    with serving(Served(Model(logprobs=False), refuses_logprobs=True)) as a, serving(Served(Model())) as b:
        triples = asked(a, b)

    assert {triple.is_compared for triple in triples} == {True}
    assert {triple.first.tokens for triple in triples} == {()}


def test_a_is_asked_twice_and_b_once() -> None:
    with serving(Served(Model())) as a, serving(Served(Model(weights=2))) as b:
        triples = asked(a, b)

    assert (len(a.asked), len(b.asked)) == (12, 6)
    for triple in triples:
        assert triple.first == triple.again != triple.other
        assert triple.first.text == Model().reply(Question(id="x", text=triple.question.text, max_tokens=8)).text
        assert len(triple.first.tokens[0].likely) == 5


def test_an_error_counts_after_three_attempts() -> None:
    with serving(Served(Model())) as a, serving(Served(Model(fault="fails", share=0.5))) as b:
        triples = asked(a, b)

    failed = [triple for triple in triples if triple.is_failed_by_b]
    assert 0 < len(failed) < 6
    assert {triple.other.error for triple in failed} == {"500: Internal Server Error"}
    assert len(b.asked) == 6 + 2 * len(failed)


def test_a_server_that_is_gone_is_not_asked_for_long() -> None:
    with serving(Served(Model())) as a, serving(Served(Model(), ends_after=2)) as b:
        triples = asked(a, b)

    assert sum(triple.is_failed_by_b for triple in triples) == 4
    assert len(b.asked) <= 2 + 9 + 3


def test_an_answer_of_another_form_is_no_answer() -> None:
    broken = Answer(200, 0.1, pieces=(Piece(0.1, {"choices": [{"logprobs": {"content": [{"token": "a"}]}}]}),))

    assert _read(Kind.CHAT, broken).error == "the answer does not have the form of vLLM"


def test_an_address_describes_its_service() -> None:
    async def describe(served: Served, key: str | None) -> ResolvedService:
        async with linked(served.url, key, timeout=5) as link:
            return await described(link)

    with serving(Served(Model(), name="qwen", version="0.30.0", key="sk-1")) as served:
        service = asyncio.run(describe(served, "sk-1"))
        with pytest.raises(UnreachableError, match="answers 401 to /v1/models"):
            asyncio.run(describe(served, None))

    assert (service.release.version, service.model_names, service.engine.max_model_len) == ("0.30.0", ["qwen"], 4096)


def rounds_of(a: Served, b: Served) -> list[Round]:
    async def measure() -> list[Round]:
        async with linked(a.url, None, timeout=5) as link_a, linked(b.url, None, timeout=5) as link_b:
            side_a = Side("a", await described(link_a), link_a, Kind.CHAT)
            side_b = Side("b", await described(link_b), link_b, Kind.CHAT)
            return await measure_rounds(side_a, side_b, LOAD)

    return asyncio.run(measure())


def test_each_round_measures_a_twice_and_b_once_with_prompts_of_their_own() -> None:
    with serving(Served(Model(), first=0.01, pace=0.001)) as a, serving(Served(Model(), first=0.05, pace=0.001)) as b:
        rounds = rounds_of(a, b)

    prompts = [tuple(body["prompt"]) for body in (*a.asked, *b.asked)]
    assert len(rounds) == 2
    assert (len(a.asked), len(b.asked)) == (2 + 2 * 4, 2 + 2 * 2)
    assert len(set(prompts)) == len(prompts) - LOAD.requests  # both servers warm up with the same ones
    for round_ in rounds:
        assert round_.other["ttft"] > round_.first["ttft"]
        assert set(round_.first) == {"ttft", "tpot", "throughput"}


def test_a_server_that_does_not_answer_under_load_is_named() -> None:
    a, b = Served(Model()), Served(Model(), ends_after=2)
    with serving(a), serving(b), pytest.raises(NotMeasuredError) as failed:
        rounds_of(a, b)

    assert failed.value.side.name == "b"
