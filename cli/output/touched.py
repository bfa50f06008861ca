"""Touched stacks as text, as JSON, and as an output of a step on GitHub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cli.output.table import columns_with_text

VERSION = 1
"""Of the JSON; raised when a key changes its meaning or is removed."""

_MOST_FILES = 3


@dataclass(frozen=True)
class Touched:
    """A stack that a change touches."""

    name: str
    files: tuple[str, ...]
    """Changed files of the stack: its stack file, base file, Pulumi.yaml, config.json or checksums."""
    program: tuple[str, ...]
    """Changed files of the program, which touch every stack."""

    @property
    def because(self) -> str:
        """The changed files on one line. If there are many, the others are counted."""
        files = [*self.files, *self.program]
        shown = ", ".join(files[:_MOST_FILES])
        hidden = len(files) - _MOST_FILES
        if hidden > 0:
            shown += f" and {hidden} more"
        return shown


def text(stacks: Sequence[Touched]) -> str:
    """One line for each stack, with the changed files."""
    rows = [(stack.name, stack.because) for stack in stacks]
    if not rows:
        return ""
    return "\n".join(columns_with_text(rows))


def document(commit: str, stacks: Sequence[Touched]) -> str:
    """The contract for programs."""
    entries = [
        {"name": stack.name, "files": stack.files, "program": stack.program}
        for stack in stacks
    ]
    record = {"version": VERSION, "against": commit, "stacks": entries}
    return json.dumps(record, indent=2, ensure_ascii=False)


def step_output(stacks: Sequence[Touched]) -> str:
    """A line for `$GITHUB_OUTPUT`: `stacks=["dev","prod"]`."""
    names = [stack.name for stack in stacks]
    return f"stacks={json.dumps(names, separators=(',', ':'))}"
