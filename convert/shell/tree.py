"""Parses scripts with tree-sitter's grammar of bash, also those that leave a quote, a brace or a here-document open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_bash
from tree_sitter import Language, Parser, Tree

_LANGUAGE = Language(tree_sitter_bash.language())
_QUOTED = ("raw_string", "string", "ansi_c_string", "command_substitution")
_QUOTES = (b"'", b'"', b"`")
_HERE_DOCUMENT = re.compile(rb"<<-?\s*['\"]?([\w.-]+)")
_COMMENT_IN_BACKQUOTES = re.compile(rb"`[ \t]*#[^`\n]*`")
_MOST_BRACES = 100
"""How many open braces are closed."""


@dataclass(frozen=True)
class Parsed:
    """A script with its syntax tree."""

    source: bytes
    """The script, with an end for each construct that it leaves open."""
    tree: Tree
    quote_row: int | None = None
    """The row of a quote that is never closed."""


def parse(text: str) -> Parsed:
    """Parse a script; a broken one has a tree with errors."""
    source = _without_last_backslash(text).encode("utf-8", "replace")
    tree = Parser(_LANGUAGE).parse(source)
    if not tree.root_node.has_error:
        return Parsed(source, tree)
    source = _COMMENT_IN_BACKQUOTES.sub(_blanks, source)
    tree = Parser(_LANGUAGE).parse(source)
    if not tree.root_node.has_error:
        return Parsed(source, tree)
    return _closed(source) or Parsed(source, tree)


def _blanks(found: re.Match[bytes]) -> bytes:
    """As many blanks as a text has bytes."""
    return b" " * len(found[0])


def _without_last_backslash(text: str) -> str:
    """The text without a backslash at its end, which escapes nothing."""
    stripped = text.rstrip("\\")
    if (len(text) - len(stripped)) % 2:
        return text[:-1]
    return text


def _closed(source: bytes) -> Parsed | None:
    """The script with an end for the quote, the braces or the here-document that it leaves open; None if it is broken
    in another way."""
    for end in _ends(source):
        closed = source + end
        tree = Parser(_LANGUAGE).parse(closed)
        if tree.root_node.has_error:
            continue
        if end not in _QUOTES:
            return Parsed(closed, tree, None)
        node = tree.root_node.descendant_for_byte_range(len(source), len(closed))
        while node and node.parent and node.type not in _QUOTED:
            node = node.parent
        row = node.start_point[0] if node else 0
        return Parsed(closed, tree, row)
    return None


def _ends(source: bytes) -> Iterator[bytes]:
    """The texts that may close what a script leaves open."""
    yield from _QUOTES
    braces = source.count(b"${") - source.count(b"}")
    if 0 < braces < _MOST_BRACES:
        yield b"}" * braces
    for found in _HERE_DOCUMENT.finditer(source):
        yield b"\n" + found[1]
