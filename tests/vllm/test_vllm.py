"""All commands that ask a service, against a real vLLM on the CPU, without the plugin.

The script that the program writes for a service of vllm-ascend of the same release starts it, with `vllm serve`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.vllm.conftest import Served


def run(served: Served, command: str, *arguments: str, key: str = "sk-tiny") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", command, str(served.stack), *arguments, "--url", served.url],
        capture_output=True,
        text=True,
        check=False,
        cwd=served.stack.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "VLLM_API_KEY": key},
    )


def test_smoke_passes(served: Served) -> None:
    done = run(served, "smoke", "tiny", "--wait", "60s", "--format", "json")
    checks = {check["name"]: check["state"] for check in json.loads(done.stdout)["services"][0]["checks"]}

    assert checks == {
        "health": "passed",
        "models": "passed",
        "chat": "passed",
        "stream": "passed",
        "stop": "passed",
        "n=2": "passed",
        "guided json": "passed",
        "wrong key → 401": "passed",
        "unknown model → 404": "passed",
        "too long → 400": "passed",
    }


@pytest.mark.parametrize("kind", ["chat", "complete"])
@pytest.mark.parametrize("more", [[], ["--stream"], ["--n", "2"], ["--n", "2", "--stream"], ["--stop", "e"]])
def test_every_form_of_request_is_answered(kind: str, more: list[str], served: Served) -> None:
    done = run(served, "request", "tiny", kind, "hello", "--max-tokens", "8", "--ignore-eos", *more)

    assert (done.returncode, done.stdout != "") == (0, True), done.stderr
    assert " tokens in " in done.stderr


def test_all_parameters_are_taken(served: Served) -> None:
    options = ["--temperature", "0.5", "--top-p", "0.9", "--presence-penalty", "1", "--top-k", "5"]

    assert run(served, "request", "tiny", "chat", "hello", *options).returncode == 0


def test_beam_search_is_answered(served: Served) -> None:
    options = ["--use-beam-search", "--n", "2", "--temperature", "0", "--max-tokens", "4"]
    done = run(served, "request", "tiny", "complete", "hello", *options)

    assert done.returncode == 0, done.stderr


def test_a_text_that_is_too_long_is_counted_by_the_server_itself(served: Served) -> None:
    done = run(served, "request", "tiny", "complete", "a" * 1020)

    assert done.returncode == 1
    assert done.stderr.startswith("error[too-long]: 1020 prompt tokens and max_tokens 16 exceed maxModelLen 1024")


def test_a_wrong_key_is_refused_and_not_shown(served: Served) -> None:
    done = run(served, "request", "tiny", "chat", "hello", key="sk-wrong")

    assert done.returncode == 1
    assert "error: the server answers 401: Unauthorized" in done.stderr
    assert "sk-wrong" not in done.stdout + done.stderr


def test_the_curl_command_is_answered_too(served: Served) -> None:
    text = run(served, "request", "tiny", "chat", "it's 你好", "--curl").stdout
    environment = {**os.environ, "VLLM_API_KEY": "sk-tiny", "no_proxy": "*"}
    done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, env=environment, check=True)

    assert json.loads(done.stdout)["choices"][0]["message"]["role"] == "assistant"


def test_bench_has_exact_sizes(served: Served, tmp_path: Path) -> None:
    options = ["--concurrency", "1,4", "--requests", "8", "--input-len", "64", "--output-len", "16"]
    done = run(served, "bench", "tiny", *options, "--format", "json", "--plot", str(tmp_path / "tiny.svg"))
    measured = json.loads(done.stdout)["measurements"]

    assert done.returncode == 0, done.stderr
    assert [(one["failed"], one["requests"]) for one in measured] == [(0, 8), (0, 8)]
    for one in measured:
        assert one["outputTokensPerSecond"] * one["seconds"] == pytest.approx(8 * 16)
        assert one["ttftSeconds"]["p50"] < one["latencySeconds"]["p50"]
    assert (tmp_path / "tiny.svg").stat().st_size > 1000
