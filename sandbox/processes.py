"""The processes of a sandbox: known by a mark in their environment, so that no pid can ever be mistaken.

Every process is started with MARK set to its sandbox's directory and hands it to its children. A pid that somebody else
has by now carries another environment; a process that nobody recorded (its starter was killed) still carries the mark.
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
"""How often nothing must be found: a process in the middle of its exec shows no environment."""


@dataclass(frozen=True)
class Process:
    """A living process by pid and by the name of the program it was started as."""

    pid: int
    name: str


def marked(mark: str, proc: Path = _PROC) -> list[Process]:
    """The living processes that carry this mark (zombies have no environment any more, so they do not count)."""
    pids = (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    return [
        Process(pid, _name(pid, proc))
        for pid in sorted(pids)
        if carries(pid, mark, proc)
    ]


def carries(pid: int, mark: str, proc: Path = _PROC) -> bool:
    """Whether the process of that pid was started with this mark or one below it (`mark/...`), or from a path below it.

    The last are plugins of a Pulumi that the user ran himself: now and then the engine leaves one behind.
    """
    environment = _strings(proc / str(pid) / "environ")
    variables = (f"{MARK}={mark}", f"{MARK}={mark}/")
    marked = any(
        entry == variables[0] or entry.startswith(variables[1]) for entry in environment
    )
    return marked or _strings(proc / str(pid) / "cmdline")[0].startswith(f"{mark}/")


def _name(pid: int, proc: Path) -> str:
    return Path(_strings(proc / str(pid) / "cmdline")[0]).name or "?"


def _strings(file: Path) -> list[str]:
    """The strings of a file of /proc, at least one (empty when the process is gone, or not ours to read)."""
    try:
        return file.read_bytes().decode(errors="surrogateescape").split("\0")
    except OSError:
        return [""]


def listens(pid: int) -> bool:
    """Whether a process has a TCP port open for others."""
    tables = [Path(f"/proc/{pid}/net/{table}") for table in ("tcp", "tcp6")]
    with suppress(OSError):
        open_ports = {
            f"socket:[{fields[9]}]"
            for table in tables
            if table.exists()
            for fields in map(str.split, table.read_text().splitlines()[1:])
            if fields[3] == _LISTEN
        }
        return any(
            str(file.readlink()) in open_ports
            for file in Path(f"/proc/{pid}/fd").iterdir()
        )
    return False


def stop(mark: str, patience: float = 10) -> list[Process]:
    """Kill everything that carries the mark, repeatedly until nothing does, and say what was killed.

    Nothing in a sandbox outlives it, so nothing needs a polite signal. Gives up after `patience` seconds.
    """
    killed: dict[int, Process] = {}
    deadline = time.monotonic() + patience
    quiet = 0
    while quiet < _QUIET_ROUNDS and time.monotonic() < deadline:
        found = marked(mark)
        quiet = 0 if found else quiet + 1
        for process in found:
            killed[process.pid] = process
            _kill(process.pid, mark)
        time.sleep(0.01)
    for pid in killed:
        _reap(pid)
    return list(killed.values())


def _kill(pid: int, mark: str) -> None:
    # The descriptor pins the process: if its pid is reused from here on, the signal goes nowhere.
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
    """Start a program that outlives this process, with its output in `log`; gives its pid."""
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
    """Run a program to its end with its output in `log`; it and its children die when this is interrupted."""
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
