"""Reads words and redirections from the syntax nodes of a command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from convert.shell.pieces import pieces, text_of, with_variables
from convert.shell.words import Piece, Text, Word

REDIRECTIONS = {"file_redirect", "heredoc_redirect", "herestring_redirect"}
"""Nodes that are redirections."""
_WORDS = {
    "word",
    "number",
    "string",
    "raw_string",
    "ansi_c_string",
    "translated_string",
    "concatenation",
    "simple_expansion",
    "expansion",
    "command_substitution",
    "arithmetic_expansion",
    "process_substitution",
    "brace_expression",
    "extglob_pattern",
    "regex",
    "variable_name",
    "special_variable_name",
    "command_name",
    "test_operator",
    "string_content",
    "subscript",
}
"""Nodes that are words."""
_BLANK = "\u00a0\u3000"
"""Blanks of other alphabets, which people paste."""
_QUOTED_END = re.compile(r"['\"\\]")
_LAST_LINE_END = re.compile(r"\n[\t ]*\Z")
_TABS = re.compile(r"^\t+", re.MULTILINE)
_ESCAPED_IN_HEREDOC = re.compile(r"\\([$`\\])")
_ESCAPED_BLANKS = re.compile(r"(?:\\[ \t])+")
_BLANKS = re.compile(rf"[{_BLANK}]+")


@dataclass
class Redirections:
    """The redirections of a command."""

    redirected: bool = False
    target: Word | None = None
    document: str = ""
    document_line: int = 0
    words: list[Word] = field(default_factory=list)
    """Words of the command after a redirection."""
    following: list[Node] = field(default_factory=list)
    """Commands on the line of a here-document."""


class WordReader:
    """Reads the words of a script.

    Args:
        source: The script.
        first_line: The line of its file on which it begins.
    """

    def __init__(self, source: bytes, first_line: int) -> None:
        self.source = source
        self.first_line = first_line

    def words(self, node: Node) -> list[Word]:
        """The word of a node; several, if blanks of another alphabet separate them."""
        if node.type == "variable_assignment":
            return self._assignment(node)
        if node.type == "ERROR":
            words: list[Word] = []
            for child in node.children:
                words += self.words(child)
            return words
        return self._split(pieces(node, self.source), node)

    def append(
        self,
        words: list[Word],
        before: Node | None,
        node: Node,
    ) -> None:
        """Append the words of a node. The grammar skips joined lines and escaped blanks, also inside of words."""
        found = self.words(node)
        gap = ""
        if before:
            gap = self.source[before.end_byte : node.start_byte].decode()
            gap = gap.replace("\\\n", "")
        touches = before is not None and not gap
        for blank in _ESCAPED_BLANKS.finditer(gap):
            word = Word((Text(blank[0].replace("\\", "")),), self.line(node))
            if blank.start() == 0 and words:
                words[-1] = joined(words[-1], word)
            else:
                words.append(word)
            touches = blank.end() == len(gap)
        if touches and found and words:
            words[-1] = joined(words[-1], found.pop(0))
        words += found

    def leaves(self, node: Node) -> Iterator[Word]:
        """The words of a test, whose operators have nodes around them."""
        if is_word(node) or not node.children:
            yield from self.words(node)
            return
        for child in node.children:
            yield from self.leaves(child)

    def redirect(self, node: Node, redirections: Redirections) -> None:
        """Read a redirection, a here-document or a here-string."""
        redirections.redirected = True
        if node.type == "heredoc_redirect":
            self._here_document(node, redirections)
            return
        operator = ""
        is_error = False
        words: list[Word] = []
        before: Node | None = None
        for child in node.children:
            if child.type == "file_descriptor":
                is_error = text_of(child) == "2"
            elif not child.is_named and not operator:
                operator = child.type
            else:
                self.append(words, before, child)
                before = child
        if not operator.endswith("-") and words:
            target = words.pop(0)
            is_file = operator in (">", ">>", ">|", "&>", "&>>")
            if is_file and not is_error:
                redirections.target = whole_word(target)
        redirections.words += words

    def line(self, node: Node) -> int:
        """The line of the file on which a node begins."""
        return self.first_line + node.start_point[0]

    def _here_document(self, node: Node, redirections: Redirections) -> None:
        is_literal = False
        for child in node.children:
            if child.type == "heredoc_start":
                is_literal = bool(_QUOTED_END.search(text_of(child)))
            elif child.type == "heredoc_body":
                strips_tabs = node.children[0].type == "<<-"
                redirections.document = _document(
                    text_of(child), is_literal, strips_tabs
                )
                redirections.document_line = self.line(child)
            elif child.type in REDIRECTIONS:
                self.redirect(child, redirections)
            elif is_word(child):
                redirections.words += self.words(child)
            elif child.type != "heredoc_end":
                redirections.following.append(child)

    def _assignment(self, node: Node) -> list[Word]:
        """The word `NAME=value` or `NAME=(…)`."""
        value = node.child_by_field_name("value")
        start = value.start_byte if value else node.end_byte
        name = self.source[node.start_byte : start].decode()
        head = Text(name, quoted=False)
        if value is None:
            return [Word((head,), self.line(node))]
        if value.type != "array":
            return self._split([head, *pieces(value, self.source)], node)
        items: list[Word] = []
        before: Node | None = None
        for child in value.named_children:
            if child.type == "comment":
                before = None
                continue
            self.append(items, before, child)
            before = child
        return [Word((head,), self.line(node), tuple(items))]

    def _split(self, parts: Iterable[Piece], node: Node) -> list[Word]:
        words: list[list[Piece]] = [[]]
        for piece in parts:
            if not isinstance(piece, Text) or piece.quoted:
                words[-1].append(piece)
                continue
            for index, text in enumerate(_BLANKS.split(piece.text)):
                if index:
                    words.append([])
                if text:
                    words[-1].append(Text(text, quoted=False))
        line = self.line(node)
        return [Word(tuple(word), line) for word in words if word]


def is_word(node: Node) -> bool:
    """Whether a node is a word, or a part of one."""
    return node.type in _WORDS


def whole_word(word: Word) -> Word:
    """A word with all of its variables, those of the items of an array included."""
    items = word.items
    if items is not None:
        items = tuple(whole_word(item) for item in items)
    return Word(tuple(with_variables(word.pieces)), word.line, items)


def joined(first: Word, second: Word) -> Word:
    """Two parts of a word as one. The dollar of `$"…"` is no part of the text."""
    parts = first.pieces
    if parts == (Text("$", quoted=False),):
        parts = ()
    return Word((*parts, *second.pieces), first.line, second.items)


def _document(
    text: str,
    is_literal: bool,
    strips_tabs: bool,
) -> str:
    """The text of a here-document."""
    document = _LAST_LINE_END.sub("", text)
    if strips_tabs:
        document = _TABS.sub("", document)
    if is_literal:
        return document
    return _ESCAPED_IN_HEREDOC.sub(r"\1", document)
