"""The benchmark sends requests of the exact size, and computes its figures from the samples."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from client.bench import Load, Measurement, Sample, Spread, bench, load_request, spread, too_long, warm_up
from client.check import check_request
from client.http import UnreachableError, linked
from client.plot import nice, plot
from models.service.resolved import ResolvedService
from tests.client.conftest import PLAIN, Serve, service_of
from tests.client.vllm_server import Vllm

pytestmark = pytest.mark.slow

LOAD = Load(concurrency=4, requests=10, input_tokens=20, output_tokens=8)


def measured(server: Vllm, service: ResolvedService, load: Load = LOAD) -> tuple[Measurement, int]:
    ticks: list[None] = []

    async def ran() -> Measurement:
        async with linked(server.url, None, timeout=5) as link:
            assert (await warm_up(link, service, load)).ok
            return await bench(link, service, load, lambda: ticks.append(None))

    return asyncio.run(ran()), len(ticks)


def test_every_request_has_the_size_that_was_asked_for(serve: Serve) -> None:
    server = serve()
    done, ticks = measured(server, service_of(numSchedulerSteps=8))
    bodies = server.bodies("/v1/completions")

    assert (len(done.samples), ticks, len(bodies)) == (10, 10, 11)  # and the one before
    assert {len(body["prompt"]) for body in bodies} == {20}
    assert {body["max_tokens"] for body in bodies} == {8}
    assert all(body["ignore_eos"] and body["stream"] for body in bodies)
    assert {sample.tokens for sample in done.samples} == {8}
    assert done.errors == []


def test_no_prompt_begins_like_another_of_any_level_or_run() -> None:
    loads = [replace(LOAD, level=level, seed=seed) for level in range(3) for seed in range(3)]
    beginnings = {
        tuple(load_request(service_of(), load, number).body["prompt"][:4]) for load in loads for number in range(50)
    }

    assert len(beginnings) == 9 * 50
    assert all(100 <= token < 1100 for beginning in beginnings for token in beginning)


@pytest.mark.parametrize("service", [service_of(), service_of(PLAIN), service_of(numSchedulerSteps=8)])
def test_the_service_accepts_the_requests_of_a_load(service: ResolvedService) -> None:
    assert check_request(load_request(service, LOAD, 0), service) == ()


def test_the_plain_server_gets_words_instead_of_token_ids(serve: Serve) -> None:
    server = serve(kind="api_server")
    done, _ = measured(server, service_of(PLAIN))

    assert {len(body["prompt"].split()) for body in server.bodies("/generate")} == {20}
    assert {sample.tokens for sample in done.good} == {8}


def test_a_level_of_load_keeps_this_number_of_requests_running(serve: Serve) -> None:
    alone, together = serve(pace=0.005), serve(pace=0.02)
    measured(alone, service_of(), Load(1, 8, 5, 8))
    measured(together, service_of(), Load(8, 8, 5, 8))

    assert alone.most_running == 1
    assert together.most_running > 4


def test_failed_requests_are_counted_with_their_errors(serve: Serve) -> None:
    server = serve()

    async def ran() -> Measurement:
        async with linked(server.url, None, timeout=5) as link:
            return await bench(link, service_of(length=9999), Load(2, 4, 5000, 8))

    done = asyncio.run(ran())
    assert len(done.good) == 0
    assert len(done.errors) == 1
    assert done.errors[0].startswith("400: This model's maximum context length is 4096")
    assert (done.first, done.per_token, done.latency) == (None, None, None)


def test_the_other_requests_fail_if_the_server_stops(serve: Serve) -> None:
    server = serve(ends="silent")

    async def ran() -> Measurement:
        async with linked(server.url, None, timeout=5) as link:
            with pytest.raises(UnreachableError):
                await warm_up(link, service_of(), LOAD)
            return await bench(link, service_of(), LOAD)

    assert {error.partition(": ")[0].split(" ", 1)[1] for error in asyncio.run(ran()).errors} == {"does not answer"}


def test_percentiles_lie_between_their_neighbours() -> None:
    assert spread([]) is None
    assert spread([3.0]) == Spread(3.0, (3.0, 3.0, 3.0))
    found = spread([float(number) for number in range(100, -1, -1)])
    assert found == Spread(50.0, (50.0, 90.0, 99.0))


def test_figures_are_computed_from_the_samples() -> None:
    good = Sample(latency=1.0, first=0.2, tokens=5)
    done = Measurement(Load(2, 3, 10, 5), 2.0, (good, replace(good, latency=2.0), Sample(0.1, error="500: no")))

    assert good.per_token == pytest.approx(0.2)
    assert done.requests_per_second == 1.0
    assert done.output_per_second == 5.0
    assert done.total_per_second == 15.0
    assert done.errors == ["500: no"]
    assert Sample(1.0, 0.5, 1).per_token is None


def test_a_load_longer_than_the_service_allows_is_refused() -> None:
    assert too_long(service_of(length=100), Load(1, 1, 92, 8)) is None
    finding = too_long(service_of(length=100), Load(1, 1, 93, 8))
    assert finding
    assert finding.message == "93 input tokens and 8 output tokens exceed maxModelLen 100"


def test_the_plot_is_a_picture_with_a_panel_for_each_figure() -> None:
    samples = (Sample(1.0, 0.2, 5), Sample(2.0, 0.4, 5))
    done = [Measurement(Load(at_once, 2, 10, 5), 2.0, samples) for at_once in (1, 4, 16)]
    text = plot("qwen <7b>", [*done, Measurement(Load(32, 1, 10, 5), 1.0, (Sample(1.0, error="no"),))])
    tree = ElementTree.fromstring(text)  # noqa: S314  the test's own text
    name = "{http://www.w3.org/2000/svg}"

    assert tree.findtext(f"{name}title") == "qwen <7b>"
    assert len(tree.findall(f"{name}g")) == 3
    assert len(tree.findall(f".//{name}circle")) == 4 * 5
    assert "NaN" not in text


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (1.1, 2), (37, 40), (41, 50), (99, 100), (0.03, 0.04)])
def test_axes_end_in_round_numbers(value: float, top: float) -> None:
    assert nice(value) == pytest.approx(top)
