"""Run a command with the environment of a sandbox: `pulumi`, `kubectl`, a shell."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox import stackfile
from sandbox.environment import environment
from sandbox.errors import SandboxError


def run(name: str, stack: str, project: Path, command: Sequence[str]) -> int:
    """Run a command in the project's directory, on this terminal.

    Returns:
        The exit code of the command, 128 plus the signal's number if a signal ended it.

    Raises:
        SandboxError: The sandbox is not up, or the command does not exist.
    """
    variables = environment(name)
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        fix = "write the command after --: ascend-vllm sandbox run [STACK] -- COMMAND"
        raise SandboxError(
            f"there is no command {command[0]!r} in the sandbox's PATH", fix
        )
    with stackfile.kept(project, stack):
        process = subprocess.Popen([program, *command[1:]], env=variables, cwd=project)
        with _signals_forwarded(process):
            code = process.wait()
    if code < 0:
        return 128 - code
    return code


@contextmanager
def _signals_forwarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let the child handle signals. The terminal sends it Ctrl-C; the other signals are forwarded."""

    def forward(number: int, _frame: object) -> None:
        if number != signal.SIGINT:
            process.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, forward) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
