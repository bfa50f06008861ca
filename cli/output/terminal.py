"""The terminal: how wide it is, whether it shows colours, and lines that fit it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from models.words import display_width

_PIPED = (80, 24)
"""Columns and lines where standard output is no terminal."""

_NARROWEST = 24
"""Fewest columns for text next to an indentation. If fewer are left, the text is indented less."""


_FOLDED = 4
"""Columns by which the continuation of a folded line is indented."""


def terminal_width() -> int:
    """The columns of the terminal; 80 if standard output is none. The variable `COLUMNS` sets another number."""
    return shutil.get_terminal_size(_PIPED).columns


def has_colours(stream: TextIO | None = None) -> bool:
    """Whether an output gets colours: if it is a terminal, or if `FORCE_COLOR` is set; never if `NO_COLOR` is set.

    Args:
        stream: The output; standard output by default.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if is_forced():
        return True
    stream = stream or sys.stdout
    if not stream or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def is_forced() -> bool:
    """Whether `FORCE_COLOR` requests colours, also in a pipe. `NO_COLOR` overrides it."""
    return bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")


def fits(line: str) -> bool:
    """Whether a line fits the terminal."""
    return display_width(line) <= terminal_width()


def series(head: str, items: Sequence[str]) -> Iterator[str]:
    """Items behind a head, with ` · ` between them, on as many lines as the terminal needs.

    Continued lines are indented by the width of the head. A line breaks between two items, and within an item only if
    the item alone is too wide.
    """
    texts = [f"{item} ·" for item in items[:-1]] + list(items[-1:])
    yield from _filled(head, texts, _indentation(head))


def paragraph(head: str, text: str) -> Iterator[str]:
    """A text behind a head. Lines break at spaces, and continued lines are indented by the width of the head.

    A word is never cut, because it may be copied.
    """
    yield from _filled(head, [text], _indentation(head))


def folded(line: str) -> Iterator[str]:
    """A line on as many lines as the terminal needs. Continued lines are indented more than it."""
    text = line.lstrip()
    head = line[: len(line) - len(text)]
    if fits(line):
        yield line
    else:
        yield from _filled(head, [text], len(head) + _FOLDED)


def folded_paragraph(block: str) -> Iterator[str]:
    """The lines of a paragraph, filled again. Items of a list stay items."""
    items: list[str] = []
    for line in block.splitlines():
        is_item = line.lstrip().startswith(("- ", "* ", "|"))
        if items and not is_item:
            items[-1] = f"{items[-1]} {line.strip()}"
        else:
            items.append(line)
    for item in items:
        indent = "  " if item.lstrip().startswith("- ") else ""
        yield from paragraph(indent, item)


def _filled(head: str, texts: Sequence[str], columns: int) -> Iterator[str]:
    indentation = " " * columns
    line = head.rstrip()
    separator = head[len(line) :]
    for text in texts:
        for piece in _pieces(text, terminal_width() - len(indentation)):
            longer = f"{line}{separator}{piece}"
            if line.strip() and not fits(longer):
                yield line.rstrip()
                longer = f"{indentation}{piece}"
            line = longer
            separator = " "
    yield line


def _indentation(head: str) -> int:
    width = display_width(head)
    if terminal_width() - width >= _NARROWEST:
        return width
    return min(width, 4)


def _pieces(text: str, width: int) -> list[str]:
    """The parts of a text that stay on one line: all of it, or its words if it is too wide."""
    if display_width(text) <= width:
        return [text]
    pieces: list[str] = []
    for word in text.split(" "):
        pieces += _parts_of_word(word, width)
    return pieces


def _parts_of_word(word: str, width: int) -> list[str]:
    """A word, or its parts if it is too wide and in a script without spaces, such as Chinese."""
    is_without_spaces = display_width(word) > len(word)
    if not is_without_spaces or display_width(word) <= width:
        return [word]
    parts = [""]
    for character in word:
        longer = parts[-1] + character
        if display_width(longer) > width:
            parts.append(character)
        else:
            parts[-1] = longer
    return parts
