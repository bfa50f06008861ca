"""Run Pulumi commands in a sandbox: all output kept, shown when something fails; nothing left running afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox import paths, processes, stackfile
from sandbox.cluster import is_running
from sandbox.environment import environment
from sandbox.errors import FOUND_SOMETHING, SandboxError
from sandbox.interrupts import interruptible
from sandbox.progress import Clock, say

_HEARTBEAT = 10.0
_GRACE = 15.0

Run = Callable[..., str]
"""Runs `pulumi` with the given arguments and gives its standard output; raises SandboxError (code 1) if it fails."""


@contextmanager
def session(name: str, stack: str, project: Path) -> Iterator[Run]:
    """A way to run Pulumi for a stack of a project in sandbox `name`; the stack's file comes out as it went in.

    Raises SandboxError when the sandbox is not up.
    """
    home = paths.home(name)
    if not is_running(home):
        raise SandboxError(f"sandbox {name} is not up", "start it: ascend-vllm sandbox up")
    mark = f"{home}/pulumi-{os.getpid()}"
    variables = {**environment(name), processes.MARK: mark}

    def run(*arguments: str) -> str:
        command = [str(home / "bin" / "pulumi"), *arguments, "--non-interactive", "--color=never"]
        return _run(command, variables, project)

    with interruptible(), stackfile.kept(project, stack):
        try:
            yield run
        finally:
            # The engine now and then leaves a language host behind.
            processes.stop(mark)


def _run(command: list[str], variables: dict[str, str], project: Path) -> str:
    process = subprocess.Popen(
        command, env=variables, cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    with _interrupted_gently(process):
        output, errors = _collect(process)
    if process.returncode != 0:
        sys.stderr.write(output + errors)
        sys.stderr.flush()
        what = " ".join(word for word in command[1:] if not word.startswith("-"))
        raise SandboxError(f"pulumi {what} failed", _advice(output + errors), FOUND_SOMETHING)
    return output


def _advice(said: str) -> str:
    if "incorrect passphrase" in said:
        return "the stack's encryptionsalt is not of a sandbox; deploy it where its passphrase is known"
    if "currently locked" in said:
        return "an update was cut off: ascend-vllm sandbox run -- pulumi cancel"
    if "unexpected end of JSON" in said or "failed to load checkpoint" in said:
        return (
            "the stack's state is damaged: remove its file, below pulumi/state/.pulumi/stacks in the sandbox's"
            " directory, and deploy again; what is in the cluster is taken over"
        )
    return "mend what Pulumi says above"


def _collect(process: subprocess.Popen[str]) -> tuple[str, str]:
    """All output of both streams; every ten seconds the last line is said, so that a wait has a reason."""
    clock = Clock()
    while True:
        try:
            return process.communicate(timeout=_HEARTBEAT)
        except subprocess.TimeoutExpired as waiting:
            so_far = (waiting.stdout or b"").decode(errors="replace")
            say(f"{clock}: {_last_line(so_far)}", "pulumi")


def _last_line(text: str) -> str:
    """The last line that says something; those with an @ only say that Pulumi is alive."""
    told = (line.strip() for line in reversed(text.splitlines()))
    return next((line for line in told if line and not line.startswith("@ ")), "nothing said yet")


@contextmanager
def _interrupted_gently(process: subprocess.Popen[str]) -> Iterator[None]:
    """On an interrupt, let Pulumi finish what is under way and write its state, for a while; then end it."""
    try:
        yield
    except BaseException:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
