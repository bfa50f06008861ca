"""The processes of a sandbox. They are found by a variable in their environment, not by recorded process IDs.

Every process starts with the variable MARK, which contains the directory of its sandbox, and its children inherit it.
If a process ID was reused, the new process has no such variable. A process that nobody recorded still has it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MARK = "ASCEND_VLLM_SANDBOX_PROCESS"

_PROC = Path("/proc")
_LISTEN = "0A"
_QUIET_ROUNDS = 2
"""How often in a row no process must be found. During its exec, a process shows no environment."""


@dataclass(frozen=True)
class Process:
    """A running process: its ID and the name of its program."""

    pid: int
    name: str


def marked(mark: str, proc: Path = _PROC) -> list[Process]:
    """The running processes with this mark. Zombies have no environment, so they are not included."""
    pids = [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()]
    found = []
    for pid in sorted(pids):
        if carries(pid, mark, proc):
            found.append(Process(pid, _name(pid, proc)))
    return found


def carries(pid: int, mark: str, proc: Path = _PROC) -> bool:
    """Whether a process has this mark or one below it (`mark/...`), or runs a program of the marked directory.

    Such a program without the mark is a plugin of a Pulumi that the user ran: Pulumi sometimes leaves one running.
    """
    for entry in _strings(proc / str(pid) / "environ"):
        if entry == f"{MARK}={mark}" or entry.startswith(f"{MARK}={mark}/"):
            return True
    program = _strings(proc / str(pid) / "cmdline")[0]
    return program.startswith(f"{mark}/")


def _name(pid: int, proc: Path) -> str:
    return Path(_strings(proc / str(pid) / "cmdline")[0]).name or "?"


def _strings(file: Path) -> list[str]:
    """The strings of a file in /proc. One empty string if the process has ended or cannot be read."""
    try:
        return file.read_bytes().decode(errors="surrogateescape").split("\0")
    except OSError:
        return [""]


def listens(pid: int) -> bool:
    """Whether a process listens on a TCP port."""
    with suppress(OSError):
        sockets = _listening_sockets(pid)
        for file in Path(f"/proc/{pid}/fd").iterdir():
            if str(file.readlink()) in sockets:
                return True
    return False


def _listening_sockets(pid: int) -> set[str]:
    """The sockets that listen in the network namespace of a process, as its file descriptors name them."""
    sockets = set()
    for name in ("tcp", "tcp6"):
        table = Path(f"/proc/{pid}/net/{name}")
        if not table.exists():
            continue
        _, *lines = table.read_text().splitlines()
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN:
                sockets.add(f"socket:[{fields[9]}]")
    return sockets


def stop(mark: str, patience: float = 10) -> list[Process]:
    """Kill all processes with the mark, repeatedly until there are none.

    They get SIGKILL, because nothing in a sandbox is kept.

    Args:
        mark: The directory of the sandbox.
        patience: Longest time in seconds.

    Returns:
        The killed processes.
    """
    killed: dict[int, Process] = {}
    deadline = time.monotonic() + patience
    quiet = 0
    while quiet < _QUIET_ROUNDS and time.monotonic() < deadline:
        found = marked(mark)
        quiet += 1
        if found:
            quiet = 0
        for process in found:
            killed[process.pid] = process
            _kill(process.pid, mark)
        time.sleep(0.01)
    for pid in killed:
        _reap(pid)
    return list(killed.values())


def _kill(pid: int, mark: str) -> None:
    # The descriptor refers to this process: if its ID is reused from here on, no other process gets the signal.
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            if carries(pid, mark):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def start(arguments: list[str], environment: Mapping[str, str], log: Path) -> int:
    """Start a program that continues after this process ends, with its output in `log`. Return its process ID."""
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.posix_spawn(
        arguments[0],
        arguments,
        environment,
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (
                os.POSIX_SPAWN_OPEN,
                1,
                str(log),
                os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                0o600,
            ),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ),
        setsid=True,
    )


def run_to_log(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, cwd: Path
) -> int:
    """Run a program until it ends, with its output in `log`. If this is interrupted, it and its children are killed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def run_captured(
    arguments: Sequence[str], environment: Mapping[str, str], stdin: IO[bytes]
) -> tuple[int, str, str]:
    """Run a program to its end; gives its exit code and its two outputs. It and its children die on an interrupt."""
    with subprocess.Popen(
        arguments, env=dict(environment), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            output, errors = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output, errors
