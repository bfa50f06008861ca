"""The warm-up: the first user does not wait for the graphs, and no pod is held back by a request of ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.models.stand_in_server import Answer, Request, free_port, run, serving, start

pytestmark = pytest.mark.slow

KEY = "sk-never-to-be-seen"


class Engine:
    """A server with these states of health and these answers, one after the other and then the last."""

    def __init__(
        self, done: Path, answers: Sequence[Callable[[Request], Answer]], health: Sequence[int] = (200,)
    ) -> None:
        self.done = done
        self.answers = answers
        self.health = health
        self.healths = 0
        self.requests: list[Request] = []
        self.done_before_answer: list[bool] = []

    def __call__(self, request: Request) -> Answer:
        if request.path == "/health":
            self.healths += 1
            return self.health[min(self.healths, len(self.health)) - 1], ""
        self.requests.append(request)
        given = self.answers[min(len(self.requests), len(self.answers)) - 1](request)
        self.done_before_answer.append(self.done.exists())
        return given

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body) for request in self.requests]


def says(status: int, text: str = "{}") -> Callable[[Request], Answer]:
    return lambda _: (status, text)


def breaks(_: Request) -> Answer:
    raise ConnectionAbortedError


def arguments(port: int, done: Path, model: str = "qwen", kind: str = "openai", timeout: float = 10) -> list[object]:
    return [
        *("warm_up.py", "--port", port, "--model", model, "--kind", kind, "--done", done),
        *("--timeout", timeout, "--every", 0.05),
    ]


def warm_up(engine: Engine, *, model: str = "qwen", kind: str = "openai", timeout: float = 10, **environment: str) -> (
    CompletedProcess[str]
):  # fmt: skip
    with serving(engine) as server:
        return run(*map(str, arguments(server.server_port, engine.done, model, kind, timeout)), **environment)


@pytest.fixture
def done(tmp_path: Path) -> Path:
    return tmp_path / "warmed up"


@pytest.mark.parametrize("model", ["qwen", "a \"b\" $(id) 你好"])  # fmt: skip
def test_the_openai_server_gets_one_completion_of_a_few_tokens(done: Path, model: str) -> None:
    engine = Engine(done, [says(200)])

    assert warm_up(engine, model=model).returncode == 0
    assert [(request.method, request.path) for request in engine.requests] == [("POST", "/v1/completions")]
    assert engine.requests[0].headers["Content-Type"] == "application/json"
    assert engine.bodies == [
        {"model": model, "prompt": "Hello", "max_tokens": 8, "temperature": 0, "ignore_eos": True}
    ]  # fmt: skip


def test_the_plain_server_gets_the_fields_that_it_knows(done: Path) -> None:
    engine = Engine(done, [says(200)])

    assert warm_up(engine, kind="api_server").returncode == 0
    assert [request.path for request in engine.requests] == ["/generate"]
    assert engine.bodies == [
        {"prompt": "Hello", "stream": False, "max_tokens": 8, "temperature": 0, "ignore_eos": True}
    ]  # fmt: skip


def test_the_probe_finds_its_file_after_the_answer_and_not_before(done: Path) -> None:
    def compiles(_: Request) -> Answer:
        time.sleep(0.3)
        return 200, "{}"

    engine = Engine(done, [compiles])
    said = warm_up(engine)

    assert (len(engine.requests), engine.done_before_answer) == (1, [False])
    assert done.exists()
    assert said.stderr.startswith("warm-up: first request answered after 0.")


def test_a_server_that_loads_its_model_gets_only_health_requests(done: Path) -> None:
    requests_at: list[int] = []

    def answers(_: Request) -> Answer:
        requests_at.append(engine.healths)
        return 200, "{}"

    engine = Engine(done, [answers], health=[503, 503, 500, 200])
    warm_up(engine)

    assert requests_at == [4]


def test_a_server_that_does_not_listen_yet_is_waited_for(done: Path) -> None:
    port = free_port()
    engine = Engine(done, [says(200)])
    with start(*map(str, arguments(port, done))) as process:
        time.sleep(0.3)
        assert not done.exists()
        with serving(engine, port):
            assert process.wait(10) == 0

    assert done.exists()


def test_the_key_is_sent_and_never_shown(done: Path) -> None:
    engine = Engine(done, [says(401, f"wrong key {KEY}")])
    said = warm_up(engine, VLLM_API_KEY=KEY)

    assert engine.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in said.stdout + said.stderr
    assert "wrong key ***" in said.stderr


@pytest.mark.parametrize(
    ("key", "reason"), [("", "it is empty"), (f"{KEY}\n", "it ends in a line's end"), (f"{KEY}钥", "it is no ASCII")]
)
def test_a_key_that_no_header_can_hold_is_neither_sent_nor_shown(done: Path, key: str, reason: str) -> None:
    engine = Engine(done, [says(401, "Unauthorized")])
    said = warm_up(engine, VLLM_API_KEY=key)

    assert "Authorization" not in engine.requests[0].headers, reason
    assert said.returncode == 0
    assert KEY not in said.stdout + said.stderr


@pytest.mark.parametrize("status", [400, 401, 404, 307])
def test_a_request_that_is_refused_does_not_hold_the_pod_back_and_says_why(done: Path, status: int) -> None:
    engine = Engine(done, [says(status, '{"message": "The model\n does not exist."}')])
    said = warm_up(engine)

    assert (said.returncode, len(engine.requests), done.exists()) == (0, 1, True)
    assert said.stderr == (
        f'warm-up: the server refused the request with {status}: {{"message": "The model does not exist."}}\n'
    )


@pytest.mark.parametrize(("broken", "reason"), [(says(500), "the server fails"), (breaks, "the connection ends")])
def test_a_request_that_failed_is_sent_again(done: Path, broken: Callable[[Request], Answer], reason: str) -> None:
    engine = Engine(done, [broken, broken, says(200)])
    said = warm_up(engine)

    assert (said.returncode, len(engine.requests), done.exists()) == (0, 3, True), reason


def test_a_file_of_the_container_before_does_not_count(done: Path) -> None:
    done.touch()
    engine = Engine(done, [says(200)], health=[503])
    said = warm_up(engine, timeout=0.3)

    assert (said.returncode, engine.requests, done.exists()) == (1, [], False)
    assert said.stderr == "warm-up: no answer within 0.3 s\n"


def test_a_server_that_never_answers_is_given_up_at_the_timeout(done: Path) -> None:
    def hangs(_: Request) -> Answer:
        time.sleep(5)
        return 200, "{}"

    said = warm_up(Engine(done, [hangs]), timeout=0.5)

    assert (said.returncode, done.exists()) == (1, False)


def test_a_proxy_of_the_environment_is_not_asked(done: Path) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    engine = Engine(done, [says(200)])

    assert warm_up(engine, http_proxy=proxy, HTTP_PROXY=proxy, timeout=3).returncode == 0
    assert len(engine.requests) == 1
