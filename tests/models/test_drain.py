"""The preStop hook: no request that the server has taken is lost, and no pod lives longer than it was given."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from models.launch.launch import launch
from tests.conftest import stack_of
from tests.models.stand_in_server import SCRIPTS, Answer, Request, free_port, run, serving

pytestmark = pytest.mark.slow

NONE_LEFT = "drain: all requests were answered after"


def gauges(running: object = 0, waiting: object = 0, swapped: object = 0, model: str = "qwen") -> str:
    """Metrics as the OpenAI server of vLLM 0.6.3 writes them."""
    counts = {"running": running, "waiting": waiting, "swapped": swapped}
    return "".join(
        f"# HELP vllm:num_requests_{name} Number of requests.\n# TYPE vllm:num_requests_{name} gauge\n"
        f'vllm:num_requests_{name}{{model_name="{model}"}} {count}\n'
        for name, count in counts.items()
    ) + 'vllm:num_preemptions_total{model_name="qwen"} 7.0\n'  # fmt: skip


def readings(*texts: str) -> tuple[Callable[[Request], Answer], list[str]]:
    """Answers with these metrics, one after the other and then the last, and what was asked for."""
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(f"{request.method} {request.path}")
        return 200, texts[min(len(asked), len(texts)) - 1]

    return answer, asked


def drain(port: int, cap: float, *more: object, settle: float = 0, **environment: str) -> CompletedProcess[str]:
    return run(
        "drain.py", "--port", port, "--cap", cap, "--settle", settle, "--every", 0.05, *more, **environment
    )  # fmt: skip


@pytest.mark.parametrize(
    ("busy", "reason"),
    [
        (gauges(running="1.0"), "a request is computed"),
        (gauges(waiting="12.0"), "requests queue"),
        (gauges(swapped="1.0"), "a request lies in the host's memory"),
        (gauges(model="base") + gauges(running="1.0", model="adapter"), "another set of labels has one"),
        (gauges(running="1.0", model="a } 0.0"), "the model's name looks like the end of a line"),
        (gauges(running="1.0").replace(" 1.0", " 1.0 1395066363000"), "the line has a time"),
        (gauges(running="NaN"), "the count is no number"),
    ],
)
def test_the_hook_waits_until_no_request_is_left(busy: str, reason: str) -> None:
    answer, asked = readings(busy, busy, gauges())
    with serving(answer) as server:
        done = drain(server.server_port, 20)

    assert asked == ["GET /metrics"] * 4, reason
    assert (done.returncode, done.stdout.startswith(NONE_LEFT), done.stderr) == (0, True, "")


def test_one_reading_of_0_between_two_requests_is_not_the_end() -> None:
    answer, asked = readings(gauges(running=1), gauges(), gauges(running=1), gauges(), gauges())
    with serving(answer) as server:
        drain(server.server_port, 20)

    assert len(asked) == 5


def test_a_request_in_flight_is_answered_before_the_hook_ends() -> None:
    running: list[str] = []
    answered: list[float] = []

    def answer(request: Request) -> Answer:
        if request.path == "/metrics":
            return 200, gauges(running=float(len(running)))
        running.append(request.path)
        time.sleep(1)
        running.clear()
        return 200, "the whole answer"

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/v1/completions", "{}")
        assert connection.getresponse().read() == b"the whole answer"
        answered.append(time.monotonic())
        connection.close()

    with serving(answer) as server:
        user = threading.Thread(target=ask, args=(server.server_port,))
        user.start()
        done = drain(server.server_port, 20, settle=0.1)
        ended = time.monotonic()
        user.join()

    assert done.stdout.startswith(NONE_LEFT)
    assert answered[0] < ended


def test_a_request_that_never_ends_holds_the_pod_until_the_cap() -> None:
    answer, _ = readings(gauges(running=2, waiting=1))
    with serving(answer) as server:
        done = drain(server.server_port, 2, settle=0.2)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "drain: gave up after 2 s with 3 requests unanswered\n"


def test_running_requests_are_not_counted_before_every_node_stops_sending() -> None:
    times: list[float] = []

    def answer(_: Request) -> Answer:
        times.append(time.monotonic())
        return 200, gauges()

    started = time.monotonic()
    with serving(answer) as server:
        drain(server.server_port, 20, settle=0.3)

    assert times[0] - started >= 0.3


def test_a_server_that_is_gone_is_not_waited_for() -> None:
    done = drain(free_port(), 60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "drain: no server listens any more\n", "")


def test_a_server_that_goes_while_it_is_waited_for_ends_the_wait() -> None:
    seen = threading.Event()

    def answer(_: Request) -> Answer:
        seen.set()
        return 200, gauges(running=1)

    said: list[str] = []
    with serving(answer) as server:
        hook = threading.Thread(target=lambda: said.append(drain(server.server_port, 60).stdout))
        hook.start()
        assert seen.wait(10)
    hook.join()

    assert said == ["drain: no server listens any more\n"]


def late(_: Request) -> Answer:
    time.sleep(2)
    return 200, gauges()


def dead(_: Request) -> Answer:
    raise ConnectionAbortedError


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: (200, "process_open_fds 7\n"), "statistics are off"),
        (lambda _: (200, 'vllm:num_requests_running{model_name="qwen"} 0.0\n'), "one gauge is missing"),
        (lambda _: (200, gauges(running="none")), "the count cannot be read"),
        (lambda _: (404, gauges()), "there is no such page"),
        (lambda _: (500, gauges()), "the server fails"),
        (dead, "the connection ends without an answer"),
        (late, "the server answers too late"),
    ],
)
def test_a_server_that_does_not_say_has_all_the_time_of_the_cap(
    answer: Callable[[Request], Answer], reason: str
) -> None:
    with serving(answer) as server:
        done = drain(server.server_port, 0.15)

    assert (done.returncode, done.stderr) == (0, ""), reason
    assert done.stdout == "drain: gave up after 0.15 s with an unknown number of requests unanswered\n"


def test_a_proxy_of_the_environment_is_not_asked() -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    answer, _ = readings(gauges())
    with serving(answer) as server:
        done = drain(server.server_port, 5, http_proxy=proxy, HTTP_PROXY=proxy, all_proxy=proxy)

    assert done.stdout.startswith(NONE_LEFT)


def test_the_plain_server_has_a_fixed_time_since_it_has_no_gauges() -> None:
    answer, asked = readings(gauges())
    with serving(answer) as server:
        done = drain(server.server_port, 0.2, "--fixed", settle=0.1)

    assert asked == []
    assert (done.returncode, done.stdout) == (0, "drain: waited 0.1 s and 0.2 s more\n")


def ready(port: int, draining: Path, *more: str) -> bool:
    command = ["bash", SCRIPTS / "ready.sh", str(port), draining, *more]
    done = subprocess.run(
        command, env={**os.environ, "HOSTNAME": "127.0.0.1"}, capture_output=True, timeout=20, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (500, False), (404, False)])
def test_a_server_is_ready_when_it_says_so(status: int, is_ready: bool, tmp_path: Path) -> None:
    asked: list[str] = []
    with serving(lambda request: asked.append(request.path) or (status, "")) as server:
        assert ready(server.server_port, tmp_path / "draining") == is_ready

    assert asked == ["/health"]


def test_a_pod_that_drains_is_not_ready_whatever_its_server_says(tmp_path: Path) -> None:
    """kube-proxy sends requests to pods that end, as long as they are ready and no other pod is."""
    (tmp_path / "draining").touch()
    with serving(lambda _: (200, "")) as server:
        assert not ready(server.server_port, tmp_path / "draining")


def test_nobody_who_listens_is_not_ready(tmp_path: Path) -> None:
    assert not ready(free_port(), tmp_path / "draining")
    assert not ready(free_port(), tmp_path / "draining", "tls")


def test_a_server_that_accepts_and_says_nothing_is_not_ready_but_with_certificates(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ready(port, tmp_path / "draining")
        assert ready(port, tmp_path / "draining", "tls")


def test_a_pod_says_that_it_drains_before_it_waits() -> None:
    [service] = stack_of(
        "qwen:\n  image: a:1\n  model: /mnt/models/Qwen2-7B-Instruct\n  engine: {maxModelLen: 4096}\n"
    ).services
    hook = launch(service).files["drain.sh"]

    assert hook.index(": > /tmp/ascend-vllm-draining\n") < hook.index("drain.py")
