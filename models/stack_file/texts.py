"""How the texts of files are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File

Read = Callable[[File], str]
"""Reads the text of a file. It raises OSError as reading from the disk does."""


def disk(file: File) -> str:
    """The text of a file in the worktree. Bytes that are not UTF-8 are kept for the findings."""
    return file.read_text("utf-8", "surrogateescape")
