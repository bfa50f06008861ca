"""Runs the command `pulumi` for a stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError, ExitCode
from models.stack_file.load import STACK_FILE


@dataclass(frozen=True)
class PastUpdate:
    """An update in the history of a stack. Not every backend numbers them."""

    start: str
    """When it began."""
    message: str


_MOST_UPDATES = 30
"""Updates of a stack that are read. An upgrade needs those since its last step."""


def last_update(stack: str, project: Path) -> str:
    """When the last update of a stack began; empty if there is none.

    Raises:
        CommandError: As for `updates`.
    """
    past = updates(stack, project, most=1)
    return past[0].start if past else ""


def updates(
    stack: str, project: Path, most: int = _MOST_UPDATES
) -> tuple[PastUpdate, ...]:
    """The last updates of a stack, the newest first.

    Raises:
        CommandError: Pulumi cannot be run, or does not know the stack.
    """
    command = ["pulumi", "stack", "history", "--stack", stack, "--json"]
    command += ["--page-size", str(most), "--page", "1", "--non-interactive"]
    try:
        done = subprocess.run(
            command, cwd=project, capture_output=True, text=True, check=False
        )
    except OSError as problem:
        raise CommandError(
            f"pulumi cannot be run: {problem.strerror}",
            "install Pulumi, and log in",
            ExitCode.COULD_NOT_RUN,
        ) from None
    if done.returncode != 0:
        raise CommandError(
            f"the updates of stack {stack} cannot be read: {done.stderr.strip()}",
            f"run pulumi login, or pulumi stack init {stack}",
            ExitCode.COULD_NOT_RUN,
        )
    found = json.loads(done.stdout or "[]")
    return tuple(
        PastUpdate(str(item["startTime"]), str(item.get("message") or ""))
        for item in found
    )


def up(
    stack: str, project: Path, config_file: Path | None = None, message: str = ""
) -> int:
    """Run `pulumi up`, whose output is shown. Ctrl-C interrupts it once, and it ends as Pulumi ends.

    Args:
        stack: The stack.
        project: The directory of Pulumi.yaml.
        config_file: The configuration; that of the stack by default.
        message: What the history of the stack says about the update.

    Returns:
        Its exit code.
    """
    command = ["pulumi", "up", "--stack", stack, "--yes", "--skip-preview"]
    command += ["--non-interactive"]
    environment = dict(os.environ)
    environment.pop(STACK_FILE, None)
    if config_file:
        command += ["--config-file", str(config_file.resolve())]
        environment[STACK_FILE] = str(config_file.resolve())
    if message:
        command += ["--message", message]
    process = subprocess.Popen(
        command, cwd=project, env=environment, start_new_session=True
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
