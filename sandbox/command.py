"""Run any command with a sandbox's environment: `pulumi`, `kubectl`, a shell."""

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
    """Run a command in the project's directory, on this terminal, and give its exit code.

    Raises SandboxError when the sandbox is not up or there is no such command.
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
        with _left_to(process):
            code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _left_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave signals to the child: Ctrl-C reaches it by the terminal, the others are handed on."""

    def hand_on(number: int, _frame: object) -> None:
        if number != signal.SIGINT:
            process.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, hand_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
