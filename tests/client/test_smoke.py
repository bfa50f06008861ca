"""The checks of a service find wrong behaviour, and do not stop its engine."""

from __future__ import annotations

import asyncio
import struct
import zlib
from base64 import b64decode

import pytest

from client.body import picture_type
from client.http import linked
from client.picture import red_square
from client.smoke import Check, smoke
from models.service.resolved import ResolvedService
from tests.client.conftest import KEY, LORA, PICTURES, PLAIN, Serve, service_of
from tests.client.vllm_server import Vllm


def smoked(server: Vllm, service: ResolvedService, timeout: float = 5) -> dict[str, Check]:
    async def ran() -> dict[str, Check]:
        async with linked(server.url, server.key or None, timeout=timeout) as link:
            return {check.name: check async for check in smoke(link, service)}

    return asyncio.run(ran())


def failed(found: dict[str, Check]) -> dict[str, str]:
    return {check.name: check.detail for check in found.values() if check.state == "failed"}


def test_a_service_with_every_feature_passes_every_check(serve: Serve) -> None:
    service = service_of(LORA + PICTURES + "graph: eager\n" + KEY)
    found = smoked(serve(adapters=("french",), images=2, key="sk-1"), service)

    assert [(check.name, check.state) for check in found.values()] == [
        ("health", "passed"),
        ("models", "passed"),
        ("chat", "passed"),
        ("stream", "passed"),
        ("stop", "passed"),
        ("n=2", "passed"),
        ("guided json", "passed"),
        ("lora french", "passed"),
        ("picture", "passed"),
        ("wrong key → 401", "passed"),
        ("unknown model → 404", "passed"),
        ("too long → 400", "passed"),
    ]


def test_the_plain_server_has_fewer_checks(serve: Serve) -> None:
    found = smoked(serve(kind="api_server"), service_of(PLAIN))

    assert [(check.name, check.state, check.detail) for check in found.values()] == [
        ("health", "passed", ""),
        ("generate", "passed", ""),
        ("stream", "passed", ""),
        ("stop", "passed", ""),
        ("n=2", "passed", ""),
        ("guided json", "skipped", "api_server does not support it"),
    ]


def test_the_checks_do_not_stop_an_engine_with_multi_step_scheduling(serve: Serve) -> None:
    server = serve(steps=8)
    found = smoked(server, service_of(numSchedulerSteps=8))

    assert server.alive
    assert failed(found) == {}
    assert {check.name: check.detail for check in found.values() if check.state == "skipped"} == {
        "n=2": "multi-step is on",
        "guided json": "multi-step is on",
    }


def test_speculation_skips_the_check_of_two_answers(serve: Serve) -> None:
    found = smoked(serve(), service_of("speculative: {kind: ngram, tokens: 5, promptLookupMax: 4}\n"))

    assert (found["n=2"].state, found["n=2"].detail) == ("skipped", "speculation is on")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"names": ("other",)}, {"models": "the server serves other, not qwen"}),
        ({"ends": "sick"}, {"health": "/health answers 500"}),
        ({"ends": "deaf"}, {"stop": "the answer continues after the stop text 'o'"}),
        ({"ends": "unguided"}, {"guided json": "the answer does not match the schema: 'word1"}),
        ({"ends": "half"}, {"stream": "the connection broke before the end of the answer"}),
        ({"longest": 9000}, {"too long → 400": "the server answers 200"}),
    ],
)
def test_wrong_behaviour_of_a_server_fails_a_check(
    what: dict[str, str], expected: dict[str, str], serve: Serve
) -> None:
    found = failed(smoked(serve(**what), service_of()))

    for name, said in expected.items():
        assert found[name].startswith(said)
    assert "names" in what or found.keys() == expected.keys()


def test_a_missing_adapter_and_a_missing_check_of_the_key_are_found(serve: Serve) -> None:
    found = failed(smoked(serve(), service_of(LORA + "graph: eager\n" + KEY)))

    assert found == {
        "models": "the server serves qwen, not french",
        "lora french": "404: The model `french` does not exist.",
        "wrong key → 401": "the server answers 200 to a wrong API key",
    }


def test_the_other_checks_are_skipped_if_the_server_stops(serve: Serve) -> None:
    found = smoked(serve(ends="silent"), service_of())

    assert [*failed(found)] == ["health"]
    assert {check.detail for check in found.values() if check.state == "skipped"} == {"the server no longer answers"}


def test_a_stream_reports_its_speed(serve: Serve) -> None:
    check = smoked(serve(pace=0.005), service_of())["stream"]

    assert check.first is not None
    assert check.first >= 0.005
    assert check.tokens_per_second is not None
    assert 0 < check.tokens_per_second < 200


def test_the_picture_is_a_png_of_red() -> None:
    data = b64decode(red_square(4).partition(",")[2])

    assert picture_type(data) == "image/png"
    assert struct.unpack(">II", data[16:24]) == (4, 4)
    size = int.from_bytes(data[33:37], "big")
    assert zlib.decompress(data[41 : 41 + size]) == (b"\0" + b"\xff\0\0" * 4) * 4
