"""Only what a sandbox started is ever ended, and all of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import processes
from sandbox.processes import MARK, Process

pytestmark = pytest.mark.slow


def fake_process(proc: Path, pid: int, program: str, *variables: str) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "environ").write_bytes(b"\0".join(v.encode() for v in variables))
    (proc / str(pid) / "cmdline").write_bytes(f"{program}\0--flag\0".encode())


def test_processes_are_known_by_their_mark_not_by_their_pid(tmp_path: Path) -> None:
    fake_process(tmp_path, 10, "/tools/bin/etcd", "HOME=/x", f"{MARK}=/box/dev")
    fake_process(tmp_path, 11, "/usr/bin/vim", "HOME=/x")
    fake_process(tmp_path, 12, "/tools/bin/etcd", f"{MARK}=/box/other")
    fake_process(tmp_path, 13, "/tools/bin/etcd", f"{MARK}=/box/dev2")
    fake_process(tmp_path, 14, "/tools/bin/pulumi", f"{MARK}=/box/dev/pulumi-77")
    fake_process(tmp_path, 15, "zombie")
    fake_process(tmp_path, 16, "/box/dev/bin/pulumi-language-python", "HOME=/x")
    fake_process(tmp_path, 17, "/box/dev2/bin/pulumi-language-python", "HOME=/x")
    (tmp_path / "meminfo").touch()

    assert processes.marked("/box/dev", tmp_path) == [
        Process(10, "etcd"),
        Process(14, "pulumi"),
        Process(16, "pulumi-language-python"),
    ]


def test_a_pid_that_somebody_else_has_by_now_is_not_ours(tmp_path: Path) -> None:
    fake_process(tmp_path, 10, "/usr/bin/vim", f"NOTE={MARK}=/box/dev")

    assert not processes.carries(10, "/box/dev", tmp_path)
    assert not processes.carries(99, "/box/dev", tmp_path)


@pytest.fixture
def sleeping(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_stopping_ends_a_process_its_children_and_nobody_else(
    tmp_path: Path, sleeping: subprocess.Popen[bytes]
) -> None:
    mark = str(tmp_path)
    script = "import os, time; os.fork(); os.setsid() if os.getpid() != os.getpgrp() else None; time.sleep(60)"
    processes.start([sys.executable, "-c", script], {MARK: mark}, tmp_path / "log")
    until_there_are(2, mark)

    killed = processes.stop(mark)

    assert len(killed) == 2
    assert processes.marked(mark) == []
    assert sleeping.poll() is None


def test_stopping_nothing_is_fine(tmp_path: Path) -> None:
    assert processes.stop(str(tmp_path)) == []


def test_a_started_process_writes_its_log(tmp_path: Path) -> None:
    processes.start([sys.executable, "-c", "print('hello')"], {MARK: str(tmp_path)}, tmp_path / "logs" / "x.log")

    until(lambda: (tmp_path / "logs" / "x.log").read_text() == "hello\n")
    processes.stop(str(tmp_path))


RUNS = {
    "to a log": "run_to_log(command, dict(os.environ), Path({directory!r}) / 'log', Path('/'))",
    "captured": "run_captured(command, dict(os.environ), open(os.devnull, 'rb'))",
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_an_interrupted_run_takes_its_children_along(run: str, tmp_path: Path) -> None:
    script = (
        "import signal, sys, threading, os\n"
        "from pathlib import Path\n"
        "from sandbox.interrupts import interruptible\n"
        "from sandbox.processes import run_captured, run_to_log\n"
        "command = ['sh', '-c', 'sleep 60 & sleep 60']\n"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()\n"
        "with interruptible():\n"
        f"    {run.format(directory=str(tmp_path))}\n"
    )
    variables = {MARK: str(tmp_path), "PATH": "/usr/bin:/bin"}

    answer = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False)

    assert "Interrupted: SIGTERM" in answer.stderr
    until_there_are(0, mark=str(tmp_path))


def test_a_captured_run_tells_both_outputs_apart(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("asked")
    with (tmp_path / "in").open("rb") as stdin:
        told = processes.run_captured(["sh", "-c", "cat; echo no >&2; exit 3"], os.environ, stdin)

    assert told == (3, "asked", "no\n")


def until_there_are(count: int, mark: str) -> None:
    until(lambda: len(processes.marked(mark)) == count)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_listens_from_the_moment_that_its_port_is_open() -> None:
    assert not processes.listens(os.getpid())
    with socket.create_server(("127.0.0.1", 0)):
        assert processes.listens(os.getpid())
    assert not processes.listens(2**22 + 1)
