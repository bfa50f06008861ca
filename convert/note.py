"""What a conversion has to say beside the stack file: what it chose, and what it left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Note:
    """One thing that was assumed or dropped; its words never hold a value that was dropped, which may be secret."""

    kind: Literal["assumed", "dropped"]
    what: str
    why: str
    file: str = ""
    line: int = 0
    """Where it stands, if it does."""

    @property
    def place(self) -> str:
        """`run_vllm.sh:7`, or nothing."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file


def assumed(what: str, why: str, file: str = "", line: int = 0) -> Note:
    """Something that the files leave open, and what was taken for it."""
    return Note("assumed", what, why, file, line)


def dropped(what: str, why: str, file: str = "", line: int = 0) -> Note:
    """Something that has no place in a stack file."""
    return Note("dropped", what, why, file, line)
