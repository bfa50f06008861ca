"""`compare`: the reports, and how the command ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cli.output import comparison as output
from models.words import display_width
from tests.cli.conftest import ASKED, Console, Done
from tests.client.comparison.model_server import FAULTS, Model, Served, serving
from tests.client.vllm_server import Vllm
from tests.client.vllm_server import serving as old_server

pytestmark = pytest.mark.slow

STACK = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen: &qwen
      image: quay.io/ascend/vllm-ascend:v0.18.0
      model: /m/Qwen2-7B-Instruct
      engine: {maxModelLen: 4096, servedModelName: m}
    next:
      <<: *qwen
      image: quay.io/ascend/vllm-ascend:v0.23.0
    guarded:
      <<: *qwen
      server: {apiKey: {secret: keys, key: k}}
    own:
      <<: *qwen
      compare: {questions: ours.yaml}
    embeds:
      image: quay.io/ascend/vllm-ascend:v0.23.0
      model: /m/Qwen3-Embedding-8B
      engine: {maxModelLen: 4096, servedModelName: m}
    broken:
      <<: *qwen
      npus: 2
      visibleDevices: [0]
"""
OURS = "\n".join(f"- {{id: own-{number}, text: What is {number}?, maxTokens: 8}}" for number in range(6))
ONLY_ANSWERS = ["--rounds", "0"]

Serve = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start the server of a model next to the stack prod.yaml; its address."""
    (tmp_path / "prod.yaml").write_text(STACK, encoding="utf-8")
    (tmp_path / "ours.yaml").write_text(OURS, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    monkeypatch.setattr("cli.progress._FIRST", 3600.0)  # a busy machine needs longer than two seconds
    with ExitStack() as opened:

        def start(key: str = "", first: float = 0.0, pace: float = 0.0, **model: Any) -> str:
            return opened.enter_context(serving(Served(Model(**model), key=key, first=first, pace=pace))).url

        yield start


def compare(console: Console, *arguments: str, a: str = "", b: str = "") -> Done:
    urls = [f"--url-a={a}", f"--url-b={b}"] if a else []
    return console("compare", *arguments, *urls)


def test_an_equal_server_is_promoted_with_0(serve: Serve, console: Console) -> None:
    done = compare(console, "prod.yaml", "qwen", "next", *ONLY_ANSWERS, "--language", "en", a=serve(), b=serve())

    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == """\
A qwen
B next
30 questions: 30 equal; no load

measure           A      B      B worse by  limit   p
other answers     0%     0%     +0.0%       +10.0%  1  ✓
logprob distance  0.000  0.000  +0.000      +0.100  1  ✓
change of length  0.000  0.000  +0.000      +0.405  1  ✓
wrong answers     100%   100%   +0.0%       +5.0%   1  ✓
refusals          0%     0%     +0.0%       +5.0%   1  ✓
repetitions       0%     0%     +0.0%       +5.0%   1  ✓
not text          0%     0%     +0.0%       +5.0%   1  ✓

promote B: nothing exceeds a limit (error probability 0.05)
"""
    )


def test_a_broken_server_is_held_with_1_and_its_reasons(serve: Serve, console: Console) -> None:
    done = compare(console, "prod.yaml", "own", "next", *ONLY_ANSWERS, a=serve(), b=serve(weights=2))

    assert done.code == 1
    assert "6 questions: 6 other; no load\n" in done.out
    assert "  ✗ the same tokens are more or less likely for B than for A: logprob distance" in done.out
    assert done.out.endswith("an equal server is held with a probability of at most 0.05\n")
    assert max(map(len, done.out.splitlines())) <= 80


def test_json_is_a_contract_with_a_version(serve: Serve, console: Console) -> None:
    options = ["--rounds", "5", "--requests", "2", "--seed", "7", "--format", "json"]
    done = compare(console, "prod.yaml", "own", "next", *options, a=serve(), b=serve(fault="refuses"))
    record = json.loads(done.out)

    assert record.keys() == {
        *("version", "verdict", "reasons", "notes", "a", "b", "errorProbability", "errorProbabilityOfMeasure"),
        *("measures", "questions", "load", "rounds"),
    }
    assert (record["version"], record["verdict"]) == (output.VERSION, "hold") == (1, "hold")
    assert "refusals" in [reason["name"] for reason in record["reasons"]]
    assert record["questions"][0].keys() == {"id", "topic", "language", "state", "distance", "a", "b"}
    assert record["questions"][0]["b"] == "I'm sorry, but I can't help with that."
    assert record["load"] == {"rounds": 5, "requests": 2, "concurrency": 4, "seed": 7}
    assert [round_.keys() for round_ in record["rounds"]] == [{"a", "aAgain", "b"}] * 5
    for measure in record["measures"]:
        assert measure.keys() == {
            *("name", "unit", "a", "b", "effect", "low", "high", "limit", "p", "cases", "exceeded"),
        }  # fmt: skip


def test_junit_has_a_case_for_each_measure(serve: Serve, console: Console) -> None:
    options = [*ONLY_ANSWERS, "--format", "junit"]
    done = compare(console, "prod.yaml", "own", "next", *options, a=serve(), b=serve(weights=2))
    suite = ElementTree.fromstring(done.out)[0]  # noqa: S314  the program's own text
    failed = [case.attrib["name"] for case in suite if case.find("failure") is not None]

    assert suite.attrib["tests"] == str(len(suite)) == "10"
    assert suite.attrib["failures"] == str(len(failed))
    assert {"equal", "logprobs"} <= set(failed)


def test_markdown_shows_no_markup_of_a_model(serve: Serve, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAULTS, "wrong", "<img src=x> [link](http://x) | `code` @all\n# head")
    options = [*ONLY_ANSWERS, "--format", "markdown"]
    done = compare(console, "prod.yaml", "own", "next", *options, a=serve(), b=serve(fault="wrong"))

    assert done.out.startswith("## compare `qwen` `next`: hold\n".replace("qwen", "own"))
    assert "<img" not in done.out
    assert "[link]" not in done.out
    assert "@all" not in done.out


def test_two_addresses_are_compared_without_a_stack(serve: Serve, console: Console) -> None:
    a, b = serve(), serve()
    done = compare(console, a, b, *ONLY_ANSWERS, "--language", "zh")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"A {a}\nB {b}\n30 questions: 30 equal")


def test_vectors_are_compared_by_their_directions(serve: Serve, console: Console) -> None:
    options = [*ONLY_ANSWERS, "--kind", "embed"]

    assert compare(console, serve(), serve(), *options).code == 0
    held = compare(console, serve(), serve(fault="rotated"), *options)
    assert held.code == 1
    assert "the vectors of B have a different direction" in held.out


@pytest.mark.slow
def test_a_server_that_is_much_slower_is_held(serve: Serve, console: Console) -> None:
    a, b = serve(first=0.01, pace=0.001), serve(first=0.3, pace=0.02)
    options = ["--rounds", "6", "--requests", "4", "--format", "json"]
    record = json.loads(compare(console, "prod.yaml", "own", "next", *options, a=a, b=b).out)

    assert {reason["name"] for reason in record["reasons"]} == {"ttft", "tpot", "throughput"}


def test_keys_and_credentials_are_not_shown(serve: Serve, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAULTS, "wrong", "password: hunter2secret sk-verysecretkey1")
    monkeypatch.setenv("VLLM_API_KEY", "sk-verysecretkey1")
    a = serve(key="sk-verysecretkey1")
    b = serve(key="sk-verysecretkey1", fault="wrong")
    for form in ("text", "json", "markdown", "junit"):
        done = compare(console, "prod.yaml", "own", "guarded", *ONLY_ANSWERS, "--format", form, a=a, b=b)

        assert "sk-verysecretkey1" not in done.out + done.err
        assert "hunter2secret" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["prod.yaml", "qwen"], 2, "error: B is missing\n"),
        (["http://x", "qwen"], 2, "error: B is missing\n"),
        (["prod.yaml", "qwen", "none"], 2, "error: stack prod has no service 'none'\n"),
        (["none", "qwen", "next"], 2, "error: there is no stack 'none'\n"),
        (["prod.yaml", "qwen", "broken"], 3, "error[visible-devices]"),
        (
            ["prod.yaml", "qwen", "next", "--rounds", "3"],
            2,
            "error: --rounds 3: an error probability of 0.05 needs 5\n",
        ),
        (["prod.yaml", "qwen", "next", "--questions", "none.yaml"], 2, "error: none.yaml:1: it cannot be read"),
        (["prod.yaml", "qwen", "embeds"], 2, "error: qwen and embeds do different things: chat and embed\n"),
        (["http://127.0.0.1:1", "http://127.0.0.1:1"], 3, "error: http://127.0.0.1:1 does not answer"),
        (["http://x", "http://y", "--url-a", "http://z"], 2, "error: --url-a and --url-b are addresses of services\n"),
        (["prod.yaml", "own", "next", "--language", "en"], 2, "error: --language selects built-in questions"),
        (
            ["prod.yaml", "qwen", "next", "--url-a=http://127.0.0.1:1", "--url-b=http://127.0.0.1:1"],
            3,
            "error: http://",
        ),
        (["prod.yaml", "qwen", "next", "--format", "xml"], 2, "error: --format xml: expected text, json, markdown or"),
    ],
)
def test_what_cannot_run_ends_with_a_fix(
    arguments: list[str], code: int, message: str, serve: Serve, console: Console
) -> None:
    urls = ["--url-a", serve(), "--url-b", serve()] if "embeds" in arguments else []
    done = console("compare", *arguments, *urls)

    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(message)


def test_a_service_without_a_cluster_is_not_reached(serve: Serve, console: Console) -> None:
    done = compare(console, "prod.yaml", "qwen", "next")

    assert (done.code, done.out) == (3, "")


def test_every_problem_of_a_file_is_printed(serve: Serve, console: Console, tmp_path: Path) -> None:
    serve()
    (tmp_path / "bad.yaml").write_text("- {id: a, text: ''}\n- {id: b}\n", encoding="utf-8")
    done = compare(console, "prod.yaml", "qwen", "next", "--questions", "bad.yaml")

    assert done.code == 2
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["bad.yaml:1", "bad.yaml:2"]


def test_a_stack_file_names_questions_of_its_project_only(serve: Serve, console: Console, tmp_path: Path) -> None:
    serve()
    (tmp_path / "prod.yaml").write_text(STACK.replace("ours.yaml", "/etc/passwd"), encoding="utf-8")
    done = compare(console, "prod.yaml", "own", "next")

    assert done.code == 3
    assert "it is outside of the project" in done.err


def test_too_few_questions_could_never_hold_a_server(serve: Serve, console: Console, tmp_path: Path) -> None:
    (tmp_path / "few.yaml").write_text("- {id: a, text: Hi}\n", encoding="utf-8")
    done = compare(console, "prod.yaml", "qwen", "next", "--questions", "few.yaml", a=serve(), b=serve())

    assert done.code == 2
    assert done.err.startswith("error: the file has 1 question: an error probability of 0.05 needs 5\n")


def test_no_line_is_longer_than_80_columns_in_any_script(
    serve: Serve, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FAULTS, "wrong", "天空是蓝色的。\x1b[31m" * 30)
    done = compare(console, "prod.yaml", "own", "next", *ONLY_ANSWERS, a=serve(), b=serve(fault="wrong"))

    assert max(map(display_width, done.out.splitlines())) <= 80
    assert "\x1b" not in done.out


def test_a_server_of_0_6_3_is_asked_by_its_own_fields(serve: Serve, console: Console, tmp_path: Path) -> None:
    """It answers 400 to unknown fields, and a single request with guided decoding would end its engine."""
    serve()
    (tmp_path / "old.yaml").write_text(ASKED, encoding="utf-8")
    with old_server(Vllm(names=("/m/Qwen2-7B",), steps=8)) as a, old_server(Vllm(kind="api_server")) as b:
        options = ["--url-a", a.url, "--rounds", "0", "--questions", "ours.yaml"]
        same = console("compare", "old.yaml", "qwen", "free", *options, "--url-b", a.url)
        other_front = console("compare", "old.yaml", "qwen", "plain", *options, "--url-b", b.url)

    assert (same.code, other_front.code) == (0, 0)
    assert "6 questions: 6 equal" in other_front.out
    assert a.alive
