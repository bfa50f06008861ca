"""`bench`: the table, JSON, the plot, the bar, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.output import bench
from client.bench import Load, Measurement, Sample
from tests.cli.conftest import Console, Serve
from tests.cli.test_process import COMMAND, environment

pytestmark = pytest.mark.slow

SMALL = ["--requests", "4", "--input-len", "8", "--output-len", "4"]


SAMPLES = (Sample(1.0, 0.2, 5), Sample(2.0, 0.4, 5))
DONE = [
    Measurement(Load(1, 2, 512, 128), 2.0, SAMPLES),
    Measurement(Load(16, 1, 512, 128), 1.0, (Sample(1, error="x"),)),
]


def test_the_table_has_a_line_for_each_number_of_concurrent_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")

    assert bench.table("qwen", DONE) == (
        "qwen: 512 tokens in, 128 out; seed 0; times as p50 / p90 / p99\n"
        "concurrent  failed  req/s  out tok/s  all tok/s          ttft ms                tpot ms           latency s\n"
        "         1       0   1.00          5        517  300 / 380 / 398  300.0 / 380.0 / 398.0  1.50 / 1.90 / 1.99\n"
        "        16       1   0.00          0          0                -                      -                   -"
    )


def test_times_that_do_not_fit_the_terminal_are_a_table_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert bench.table("qwen", DONE) == (
        "qwen: 512 tokens in, 128 out; seed 0; times as p50 / p90 / p99\n"
        "concurrent  failed  req/s  out tok/s  all tok/s\n"
        "         1       0   1.00          5        517\n"
        "        16       1   0.00          0          0\n"
        "\n"
        "concurrent          ttft ms                tpot ms           latency s\n"
        "         1  300 / 380 / 398  300.0 / 380.0 / 398.0  1.50 / 1.90 / 1.99\n"
        "        16                -                      -                   -"
    )


def test_json_is_a_contract_with_a_version(serve: Serve, console: Console) -> None:
    done = console(
        "bench", "prod.yaml", "qwen", "--concurrency", "1,2", *SMALL, "--format", "json", "--url", serve().url
    )
    record: dict[str, Any] = json.loads(done.out)

    assert (done.code, done.err) == (0, "")
    assert record.keys() == {"version", "stack", "service", "seed", "measurements"}
    assert record["version"] == bench.VERSION == 1
    assert [one["concurrency"] for one in record["measurements"]] == [1, 2]
    first = record["measurements"][0]
    assert first.keys() == {
        *("concurrency", "requests", "failed", "inputTokens", "outputTokens", "seconds", "requestsPerSecond"),
        *("outputTokensPerSecond", "totalTokensPerSecond", "ttftSeconds", "tpotSeconds", "latencySeconds", "errors"),
    }
    assert first["ttftSeconds"].keys() == {"mean", "p50", "p90", "p99"}
    assert (first["requests"], first["failed"], first["inputTokens"], first["outputTokens"]) == (4, 0, 8, 4)


def test_no_prompt_is_asked_twice_at_any_level_or_in_any_run(serve: Serve, console: Console) -> None:
    server = serve()
    for _ in range(2):
        console("bench", "prod.yaml", "qwen", "--concurrency", "1,2,2", *SMALL, "--url", server.url)

    prompts = [tuple(body["prompt"]) for body in server.bodies("/v1/completions")]
    assert len(prompts) == 2 * (3 * 4 + 1)
    assert len({prompt[:4] for prompt in prompts}) == len(prompts)


def test_a_seed_repeats_the_prompts_of_a_run(serve: Serve, console: Console) -> None:
    prompts = []
    for _ in range(2):
        server = serve()
        done = console("bench", "prod.yaml", "qwen", *SMALL, "--seed", "7", "--url", server.url)
        assert "; seed 7; " in done.out.splitlines()[0]
        prompts.append(sorted(body["prompt"] for body in server.bodies("/v1/completions")))

    assert prompts[0] == prompts[1]


def test_the_plot_is_written_in_addition_to_the_table(serve: Serve, console: Console, tmp_path: Path) -> None:
    done = console("bench", "prod.yaml", "free", *SMALL, "--plot", "free.svg", "--url", serve().url)

    assert (done.code, len(done.out.splitlines())) == (0, 10)
    assert (tmp_path / "free.svg").read_text(encoding="utf-8").startswith("<svg xmlns=")


def test_requests_that_fail_end_with_1(serve: Serve, console: Console) -> None:
    done = console("bench", "prod.yaml", "free", *SMALL, "--url", serve(longest=4).url)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: the server answers 400: This model's maximum context length is 4 tokens.")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--concurrency", "0"], 2, ""),
        (["--concurrency", "two"], 2, ""),
        (["--requests", "0"], 2, ""),
        (["--input-len", "4000"], 1, "error[too-long]: 4000 input tokens and 128 output tokens exceed maxModelLen"),
        (["--url", "http://127.0.0.1:1"], 3, "error: http://127.0.0.1:1 does not answer"),
        ([], 3, "the times include a port-forward"),
    ],
)
def test_other_ends(arguments: list[str], code: int, message: str, serve: Serve, console: Console) -> None:
    serve()
    done = console("bench", "prod.yaml", "free", *arguments)

    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_a_plot_that_cannot_be_written_ends_with_3(serve: Serve, console: Console) -> None:
    done = console("bench", "prod.yaml", "free", *SMALL, "--plot", "none/free.svg", "--url", serve().url)

    assert done.code == 3
    assert "none/free.svg cannot be written: No such file or directory" in done.err


def test_a_bar_is_shown_on_a_terminal_only(serve: Serve, tmp_path: Path) -> None:
    arguments = ["bench", "prod.yaml", "free", *SMALL, "--url", serve(pace=0.05).url]
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env=environment(), check=True
    )
    os.close(theirs)

    assert b"requests" in os.read(ours, 65536)
    assert done.stdout.count(b"\n") == 10
