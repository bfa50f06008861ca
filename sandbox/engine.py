"""Runs Pulumi commands in a sandbox. Their output is shown if they fail, and no process remains afterwards."""

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
"""The seconds between two lines of progress."""
_GRACE = 15.0
"""The seconds that an interrupted Pulumi has to end."""

Run = Callable[..., str]
"""Runs `pulumi` with some arguments and returns its standard output; raises SandboxError (exit code 1) if it fails."""


@contextmanager
def session(name: str, stack: str, project: Path) -> Iterator[Run]:
    """A function that runs Pulumi for a stack in a sandbox. The stack file is the same afterwards.

    Args:
        name: The sandbox.
        stack: The stack.
        project: The directory of the Pulumi project.

    Raises:
        SandboxError: The sandbox is not up.
    """
    home = paths.home(name)
    if not is_running(home):
        raise SandboxError(
            f"sandbox {name} is not up", "start it: ascend-vllm sandbox up"
        )
    mark = f"{home}/pulumi-{os.getpid()}"
    variables = {**environment(name), processes.MARK: mark}

    def run(*arguments: str) -> str:
        command = [
            str(home / "bin" / "pulumi"),
            *arguments,
            "--non-interactive",
            "--color=never",
        ]
        return _run(command, variables, project)

    with interruptible(), stackfile.kept(project, stack):
        try:
            yield run
        finally:
            # Sometimes Pulumi leaves a language host running.
            processes.stop(mark)


def _run(command: list[str], variables: dict[str, str], project: Path) -> str:
    process = subprocess.Popen(
        command,
        env=variables,
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with _interrupted_gently(process):
        output, errors = _collect(process)
    if process.returncode != 0:
        sys.stderr.write(output + errors)
        sys.stderr.flush()
        words = [word for word in command[1:] if not word.startswith("-")]
        raise SandboxError(
            f"pulumi {' '.join(words)} failed",
            _advice(output + errors),
            FOUND_SOMETHING,
        )
    return output


def _advice(output: str) -> str:
    """The advice for an error of Pulumi."""
    if "incorrect passphrase" in output:
        return "the encryptionsalt of the stack is not a sandbox's; deploy the stack where its passphrase is known"
    if "currently locked" in output:
        return "an update was interrupted: ascend-vllm sandbox run -- pulumi cancel"
    if "unexpected end of JSON" in output or "failed to load checkpoint" in output:
        return (
            "the state of the stack is damaged: remove its file below pulumi/state/.pulumi/stacks in the directory of"
            " the sandbox, and deploy again; the stack takes over the objects in the cluster"
        )
    return "fix the errors of Pulumi above"


def _collect(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The output of both streams. Every ten seconds the last line is shown, so that people see the progress."""
    clock = Clock()
    while True:
        try:
            return process.communicate(timeout=_HEARTBEAT)
        except subprocess.TimeoutExpired as waiting:
            so_far = (waiting.stdout or b"").decode(errors="replace")
            say(f"{clock}: {_last_line(so_far)}", "pulumi")


def _last_line(text: str) -> str:
    """The last line with a content. Lines with an @ only show that Pulumi is alive."""
    for line in reversed(text.splitlines()):
        content = line.strip()
        if content and not content.startswith("@ "):
            return content
    return "no output yet"


@contextmanager
def _interrupted_gently(process: subprocess.Popen[str]) -> Iterator[None]:
    """After an interrupt, give Pulumi some time to finish its operations and to write its state; then end it."""
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
