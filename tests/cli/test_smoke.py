"""`smoke`: the line of each service, JSON, JUnit, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cli.output import smoke
from cli.output.junit import junit
from cli.output.smoke import lines
from client.smoke import Check, SmokeResult
from tests.cli.conftest import ASKED, Console, Serve

pytestmark = pytest.mark.slow

DONE = SmokeResult(
    "qwen2-7b",
    (
        Check("health", "passed", 0.003),
        Check("chat", "passed", 0.41),
        Check("stream", "passed", 0.5, first=0.092, tokens_per_second=31.2),
        Check("stop", "failed", 0.2, 'the answer goes on after "<"\x00'),
        Check("guided json", "skipped", None, "multi-step is on"),
    ),
)


def test_the_checks_of_a_service_fit_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert list(lines(DONE, 9)) == [
        "qwen2-7b   health ✓ 3 ms · chat ✓ 0.41 s ·",
        "           stream ✓ 0.50 s (ttft 92 ms, 31 tok/s) ·",
        '           stop ✗ (the answer goes on after "<"\x00) ·',
        "           guided json – (multi-step is on)",
    ]


def test_a_service_has_one_line_on_a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert list(lines(DONE, 9)) == [
        "qwen2-7b   health ✓ 3 ms · chat ✓ 0.41 s · stream ✓ 0.50 s (ttft 92 ms, 31 tok/s) · "
        'stop ✗ (the answer goes on after "<"\x00) · guided json – (multi-step is on)'
    ]


def test_junit_has_the_elements_that_ci_systems_read() -> None:
    suite = ElementTree.fromstring(junit("prod", [DONE]))[0]  # noqa: S314  the test's own text

    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("5", "1", "1")
    assert suite[3][0].attrib["message"] == 'the answer goes on after "<"?'
    assert [case.find("skipped") is not None for case in suite] == [False] * 4 + [True]


def test_json_is_a_contract_with_a_version() -> None:
    record: dict[str, Any] = json.loads(smoke.document("prod", [DONE]))

    assert record.keys() == {"version", "stack", "services"}
    assert record["version"] == smoke.VERSION == 1
    assert record["services"][0].keys() == {"name", "ok", "checks"}
    assert record["services"][0]["checks"][2] == {
        "name": "stream", "state": "passed", "seconds": 0.5, "reason": None, "ttftSeconds": 0.092,
        "tokensPerSecond": 31.2,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_a_service_that_is_well_ends_with_0(form: str, serve: Serve, console: Console) -> None:
    done = console("smoke", "prod.yaml", "free", "--url", serve().url, "--format", form)

    assert (done.code, done.err) == (0, "")
    assert "guided json" in done.out


def test_a_service_of_the_transcript(serve: Serve, console: Console) -> None:
    done = console("smoke", "prod.yaml", "qwen", "--url", serve(steps=8).url)

    one_line = done.out.replace("·\n      ", "· ")
    plain = re.sub(r" \d+ ms| \d\.\d\d s| \(ttft[^)]*\)", "", one_line)
    assert plain == (
        "qwen  health ✓ · models ✓ · chat ✓ · stream ✓ · stop ✓ · n=2 – (multi-step is on) · "
        "guided json – (multi-step is on) · lora french ✓ · unknown model → 404 ✓ · too long → 400 ✓\n"
    )


def test_a_service_that_is_not_well_ends_with_1(serve: Serve, console: Console) -> None:
    done = console("smoke", "prod.yaml", "free", "--url", serve(ends="deaf").url)

    assert done.code == 1
    assert "stop ✗ (the answer continues after the stop text" in done.out


def test_a_service_that_does_not_get_ready_ends_with_1(
    serve: Serve,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve()
    monkeypatch.setattr("client.reach._SECONDS_BETWEEN_CHECKS", 0.01)
    done = console("smoke", "prod.yaml", "free", "--url", "http://127.0.0.1:1", "--wait", "1s")

    assert done.code == 1
    assert done.out.startswith("free  ready ✗ (http://127.0.0.1:1 does not answer: ")
    assert done.err == "waiting up to 1 s for free to answer\n"


def test_a_service_without_pods_is_not_waited_for(serve: Serve, console: Console) -> None:
    serve()
    done = console("smoke", "prod.yaml", "off")

    assert (done.code, done.out, done.err) == (0, "off  ready – (replicas is 0)\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--url", "http://a"], 3, "error[visible-devices]"),  # of all services one is refused
        (["free", "llava", "--url", "http://a"], 2, "--url is the address of one service"),
        (["nobody"], 2, "has no service 'nobody'"),
        (["free", "--wait", "5"], 2, ""),
        (["free"], 3, "the kubeconfig has no context 'prod'"),
    ],
)
def test_other_ends(
    arguments: list[str],
    code: int,
    message: str,
    serve: Serve,
    console: Console,
) -> None:
    serve()
    done = console("smoke", "prod.yaml", *arguments)

    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_the_key_is_in_no_output(serve: Serve, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "sk-123456")
    for key in ("sk-123456", "other"):
        done = console("smoke", "prod.yaml", "guarded", "--url", serve(key=key).url, "--format", "json")

        assert done.code == (0 if key == "sk-123456" else 1)
        assert "sk-123456" not in done.out + done.err
    assert Path("prod.yaml").read_text(encoding="utf-8") == ASKED
