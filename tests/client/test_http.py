"""Answers of vLLM are read as JSON, as events or as NUL-separated JSON. Errors keep the message of the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from client.answer import Answer, Piece, error_text, joined, texts
from client.body import question, raw
from client.http import UnreachableError, linked, post, send
from client.length import too_long
from models.engines.requests import Kind, Request
from tests.client.conftest import PLAIN, Serve, service_of
from tests.client.vllm_server import Vllm
from tests.models.stand_in_server import serving as answering

SERVICE = service_of()


def ask(url: str, asked: Request, timeout: float = 5, see: Callable[[Piece], None] = lambda _: None) -> Answer:
    async def sent() -> Answer:
        async with linked(url, None, timeout=timeout) as link:
            return await send(link, asked, see)

    return asyncio.run(sent())


def asked(kind: Kind = Kind.CHAT, **given: Any) -> Request:
    return question(kind, service_of(PLAIN) if kind is Kind.GENERATE else SERVICE, "hello", given)


@pytest.mark.parametrize("kind", [Kind.CHAT, Kind.COMPLETE])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_has_its_text_its_tokens_and_why_it_ended(kind: Kind, stream: bool, serve: Serve) -> None:
    answer = ask(serve().url, asked(kind, max_tokens=3, stream=stream))

    assert (answer.ok, answer.text, answer.tokens, answer.ends) == (True, "word1 word2 word3", 3, ["length"])


@pytest.mark.parametrize("stream", [False, True])
def test_several_answers_are_separated_by_their_index(stream: bool, serve: Serve) -> None:
    answer = ask(serve().url, asked(n=2, max_tokens=2, stream=stream))

    assert answer.texts == {0: "word1 word2", 1: "word1 word2"}


@pytest.mark.parametrize("stream", [False, True])
def test_each_document_of_the_plain_server_repeats_the_prompt_and_the_text(stream: bool, serve: Serve) -> None:
    seen: list[Piece] = []
    answer = ask(serve(kind="api_server").url, asked(Kind.GENERATE, max_tokens=3, stream=stream), see=seen.append)

    assert (answer.ok, answer.text, answer.tokens) == (True, "word1 word2 word3", None)
    assert [piece.data for piece in seen][-1] == {"text": ["helloword1 word2 word3"]}
    assert len(seen) == (3 if stream else 1)


def test_times_are_those_of_the_first_text_and_of_the_end(serve: Serve) -> None:
    answer = ask(serve(pace=0.02).url, asked(max_tokens=10, stream=True))

    assert answer.first is not None
    assert 0.02 < answer.first < answer.seconds
    assert answer.tokens_per_second == pytest.approx(9 / (answer.seconds - answer.first))


@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ({"model": "gpt"}, 404, "The model `gpt` does not exist."),
        ({"max_tokens": 5000}, 400, "This model's maximum context length is 4096 tokens."),
        ({"foo": 1}, 400, "Extra inputs are not permitted"),
        ({"n": 2, "temperature": 0}, 400, "n must be 1 when using greedy sampling, got 2."),
    ],
)
def test_an_error_has_the_message_of_the_server(given: dict[str, Any], status: int, error: str, serve: Serve) -> None:
    answer = ask(serve().url, asked(**given))

    assert (answer.ok, answer.status) == (False, status)
    assert error in answer.error


def test_errors_of_the_plain_server_are_read_as_text(serve: Serve) -> None:
    answer = ask(serve(kind="api_server").url, asked(Kind.GENERATE, use_beam_search=True))

    assert (answer.status, answer.error) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"object": "error", "message": "no", "code": 400}', "no"),
        ('{"error": {"object": "error", "message": "no", "code": 400}}', "no"),
        ('{"error": "Unauthorized"}', "Unauthorized"),
        ('{"detail": "Not Found"}', "Not Found"),
        ("Internal  Server\nError", "Internal Server Error"),
        ('{"other": 1}', '{"other": 1}'),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_every_form_of_error_is_read(body: str, message: str) -> None:
    assert error_text(body) == message


def test_an_error_in_a_stream_is_reported() -> None:
    events = 'data: {"error": {"message": "engine died", "code": 400}}\n\ndata: [DONE]\n\n'
    answer = Answer(200, 1.0, (Piece(0.1, {"error": {"message": "engine died"}}),), error="engine died")
    assert not answer.ok

    with answering(lambda _: (200, events)) as server:
        found = ask(f"http://127.0.0.1:{server.server_port}", asked(stream=False))
    assert found.error.startswith("not the JSON of a vLLM server")


@pytest.mark.parametrize("kind", [Kind.CHAT, Kind.GENERATE])
def test_a_broken_connection_is_an_error_and_keeps_the_received_text(kind: Kind, serve: Serve) -> None:
    server = serve(kind="api_server" if kind is Kind.GENERATE else "openai", ends="half")
    answer = ask(server.url, asked(kind, max_tokens=20, stream=True))

    assert answer.text.startswith("word1 word2")
    assert answer.error == "the connection broke before the end of the answer"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer"),
        ("ftp://a", "ftp://a is not the address of a server"),
        ("localhost:8080", "localhost:8080 is not the address of a server"),
        ("http://user:secret-1@127.0.0.1:1", r"http://user:\*\*\*@127.0.0.1:1 does not answer"),
    ],
)
def test_an_unreachable_server_is_reported(url: str, message: str) -> None:
    with pytest.raises(UnreachableError, match=message):
        ask(url, asked())


def test_a_server_that_hangs_up_or_hangs_does_not_answer(serve: Serve) -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        ask(serve(ends="silent").url, asked())
    with pytest.raises(UnreachableError, match="did not answer in time"):
        ask(serve(pace=1).url, asked(max_tokens=1), timeout=0.1)


def test_an_answer_of_another_server_is_an_error() -> None:
    with answering(lambda _: (200, "<html>")) as server:
        answer = ask(f"http://127.0.0.1:{server.server_port}", asked())

    assert answer.error == "not the JSON of a vLLM server: <html>"


def test_texts_are_joined_by_their_index() -> None:
    pieces = [Piece(0, {"choices": [{"index": i, "delta": {"content": c}}]}) for i, c in [(1, "a"), (0, "b"), (1, "c")]]

    assert joined(pieces) == {0: "b", 1: "ac"}
    assert texts({"choices": None}) == {}


@pytest.mark.parametrize(
    ("length", "text", "counted", "refused"),
    [
        (4096, "short", False, False),
        (4096, "word " * 900, True, False),
        (4096, "word " * 4090, True, True),
        (300, "word " * 20, True, False),
    ],
)
def test_the_server_counts_the_tokens_of_a_long_text(
    length: int, text: str, counted: bool, refused: bool, serve: Serve
) -> None:
    service, server = service_of(length=length), serve(longest=length)

    async def judged() -> Any:
        async with linked(server.url, None, timeout=5) as link:
            return await too_long(link, question(Kind.CHAT, service, text, {}), service)

    finding = asyncio.run(judged())
    assert bool(server.bodies("/tokenize")) == counted
    assert (finding is not None) == refused
    if finding:
        assert finding.message == "4092 prompt tokens and max_tokens 16 exceed maxModelLen 4096"
        assert finding.fix == "write max_tokens: 4"


def test_prompts_that_cannot_be_counted_are_not_refused(serve: Serve) -> None:
    server = serve(kind="api_server")
    long = question(Kind.GENERATE, service_of(PLAIN), "word " * 9000, {})
    texts_of = raw(Kind.COMPLETE, SERVICE, json.dumps({"prompt": ["word " * 5000], "max_tokens": 5}), {}, "b")

    async def judged(one: Request) -> Any:
        async with linked(server.url, None, timeout=5) as link:
            return await too_long(link, one, SERVICE)

    assert asyncio.run(judged(long)) is None
    assert asyncio.run(judged(texts_of)) is None
    assert server.asked == []


def test_unsupported_features_of_multi_step_scheduling_stop_the_server(serve: Serve) -> None:
    """The contract server is as unforgiving as vLLM; `client/check.py` keeps such requests from it."""
    server: Vllm = serve(steps=8)

    async def kill() -> Answer:
        async with linked(server.url, None, timeout=5) as link:
            return await post(link, "/v1/chat/completions", asked(guided_json={"type": "object"}).body)

    assert asyncio.run(kill()).status == 500
    with suppress(UnreachableError):
        ask(server.url, asked())
        pytest.fail("it lives")
