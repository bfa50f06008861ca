"""Reads the text of a shell script into commands, with tree-sitter's grammar of bash.

It reads as bash does, with one exception: a line that begins with a flag belongs to the command before it, also where
bash ends that command because of a space after the backslash, a comment or a missing backslash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tree_sitter import Node

from convert.shell.flags import ReadCommand, join_flags
from convert.shell.nodes import (
    REDIRECTIONS,
    Redirections,
    WordReader,
    is_word,
    joined,
    whole_word,
)
from convert.shell.pieces import literal_text, text_of
from convert.shell.tree import parse
from convert.shell.words import Command, Script, Text, Word

_BEFORE_COMMENT = (b" ", b"\t", b"\n", b";", b"&", b"|", b"(", b")")
_KEYWORDS = {
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "case",
    "esac",
    "for",
    "select",
    "while",
    "until",
    "do",
    "done",
    "{",
    "}",
    "!",
}
_ENDS = {";", "&", "&&", "||", "|", "|&", ";;", ")"}
_WITH_HEADS = {
    "function_definition",
    "case_statement",
    "case_item",
    "for_statement",
    "c_style_for_statement",
}
_SIMPLE = {"command", "declaration_command", "unset_command", "variable_assignment"}
_DEEPEST = 100
"""How deep blocks may be nested."""


def read_script(text: str, first_line: int = 1) -> Script:
    """Read a script; any text is a script.

    Args:
        text: The script.
        first_line: The line of its file on which it begins.
    """
    parsed = parse(text)
    script = Script()
    if parsed.quote_row is not None:
        script.slips[first_line + parsed.quote_row] = "a quote is never closed"
    reader = _Reader(parsed.source, first_line)
    reader.block(parsed.tree.root_node)
    join_flags(reader.read, parsed.source, first_line, script)
    return script


class _Reader:
    """Walks the syntax tree of a script, and reads its commands in their order."""

    def __init__(self, source: bytes, first_line: int) -> None:
        self.source = source
        self.words = WordReader(source, first_line)
        self.read: list[ReadCommand] = []
        self.depth = 0

    def block(self, node: Node) -> None:
        """Read the statements in a node. Words without a command, in a script with errors, are one."""
        self._nodes(node.children)

    def _nodes(self, nodes: Sequence[Node]) -> None:
        if self.depth > _DEEPEST:
            return
        self.depth += 1
        loose: list[Node] = []
        for node in nodes:
            if is_word(node):
                loose.append(node)
                continue
            self._loose_words(loose)
            loose = []
            self._statement(node)
        self._loose_words(loose)
        self.depth -= 1

    def _loose_words(self, nodes: Sequence[Node]) -> None:
        words: list[Word] = []
        before: Node | None = None
        for node in nodes:
            self.words.append(words, before, node)
            before = node
        if words:
            self._add(words, nodes[0], nodes[-1])

    def _statement(self, node: Node) -> None:
        kind = node.type
        if kind == "comment":
            self._comment(node)
            return
        if not node.is_named:
            self._token(node)
        elif kind in _SIMPLE:
            self._simple(node)
        elif kind == "redirected_statement":
            self._redirected(node)
        elif kind == "test_command":
            self._test(node)
        elif kind == "compound_statement" and text_of(node).startswith("(("):
            self._arithmetic(node)
        elif kind in _WITH_HEADS:
            self._with_head(node)
        else:
            self.block(node)

    def _comment(self, node: Node) -> None:
        """Skip a comment. In `a#b`, which the grammar takes for one, the text belongs to the command."""
        before = self.source[: node.start_byte]
        if not self.read or not before or before[-1:] in _BEFORE_COMMENT:
            return
        last = self.read[-1]
        if last.end != node.start_byte:
            return
        line = self.words.line(node)
        first, *others = [
            Word(tuple(literal_text(text)), line) for text in text_of(node).split()
        ]
        words = [*last.command.words[:-1], joined(last.command.words[-1], first)]
        last.command = replace(last.command, words=(*words, *others))
        last.end = node.end_byte

    def _with_head(self, node: Node) -> None:
        """Read a statement whose beginning is one command: a function, a loop, a branch of `case`."""
        kind = node.type
        if kind == "function_definition":
            self._function(node)
        elif kind == "case_statement":
            self._case(node)
        elif kind == "case_item":
            self._case_item(node)
        else:
            self._loop(node)

    def _token(self, node: Node) -> None:
        """Read a keyword, or the operator that ends a command."""
        if node.type in _KEYWORDS:
            word = Word((Text(node.type, quoted=False),), self.words.line(node))
            self._add([word], node, node)
        elif node.type in _ENDS and self.read:
            last = self.read[-1]
            last.command = replace(last.command, end=node.type)

    def _simple(self, node: Node) -> None:
        words: list[Word] = []
        redirections = Redirections()
        last = node
        children = node.children
        if node.type == "variable_assignment":
            children = [node]
        before: Node | None = None
        for child in children:
            if child.type in REDIRECTIONS:
                self.words.redirect(child, redirections)
                before = None
                continue
            self.words.append(words, before, child)
            before = child
        words += redirections.words
        if words:
            self._add(words, node, last, redirections)
        self._nodes(redirections.following)

    def _redirected(self, node: Node) -> None:
        """Read a statement with redirections, which concern its last command."""
        redirections = Redirections()
        body = []
        for child in node.children:
            if child.type in REDIRECTIONS:
                self.words.redirect(child, redirections)
            else:
                body.append(child)
        count = len(self.read)
        self._nodes(body)
        if len(self.read) == count:
            if redirections.words:
                self._add(redirections.words, node, node, redirections)
        else:
            last = self.read[-1]
            last.end = node.end_byte
            command = last.command
            last.command = replace(
                command,
                words=(*command.words, *map(whole_word, redirections.words)),
                redirected=redirections.redirected or command.redirected,
                target=redirections.target or command.target,
                document=redirections.document or command.document,
                document_line=redirections.document_line or command.document_line,
            )
        self._nodes(redirections.following)

    def _function(self, node: Node) -> None:
        """Read the head of a function, then its body: `start() {` and `function start {`."""
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        words = self.words.words(name) if name else []
        if node.children[0].type == "function":
            keyword = Word((Text("function", quoted=False),), self.words.line(node))
            self._add([keyword, *words], node, node)
        elif words:
            self._add(words, node, node)
            head = self.read[-1]
            head.command = replace(head.command, end="(")
        if body:
            self._nodes([body])

    def _case(self, node: Node) -> None:
        head = []
        for child in node.children:
            if child.type in ("case_item", "esac"):
                break
            head.append(child)
        self._head(head, node)
        self._nodes(node.children[len(head) :])

    def _case_item(self, node: Node) -> None:
        """Read the patterns of a branch, each as a command of one word, then its commands."""
        for index, child in enumerate(node.children):
            if child.type in ("|", ")"):
                self._token(child)
            if child.type == ")":
                self._nodes(node.children[index + 1 :])
                return
            if child.is_named:
                words = self.words.words(child)
                self._add(words[:1], child, child)

    def _loop(self, node: Node) -> None:
        """Read the head of `for` and `select` as one command, then the body."""
        head = [child for child in node.children if child.type != "do_group"]
        body = [child for child in node.children if child.type == "do_group"]
        self._head(head, node)
        self._nodes(body)

    def _head(self, nodes: Sequence[Node], node: Node) -> None:
        words: list[Word] = []
        for child in nodes:
            if child.type not in _ENDS:
                words += self.words.words(child)
        self._add(words, node, node)

    def _test(self, node: Node) -> None:
        """Read `[ … ]` and `[[ … ]]`, whose words matter only as text."""
        words = [*self.words.leaves(node)]
        if words:
            self._add(words, node, node)

    def _arithmetic(self, node: Node) -> None:
        """Read `(( … ))`, whose expression is one word."""
        line = self.words.line(node)
        expression = text_of(node).removeprefix("((").removesuffix("))")
        texts = ("((", expression.strip(), "))")
        words = [Word((Text(text),), line) for text in texts]
        self._add(words, node, node)

    def _add(
        self,
        words: Sequence[Word],
        first: Node,
        last: Node,
        redirections: Redirections | None = None,
    ) -> None:
        if not words:
            return
        found = redirections or Redirections()
        command = Command(
            words=tuple(whole_word(word) for word in words),
            line=words[0].line,
            redirected=found.redirected,
            target=found.target,
            document=found.document,
            document_line=found.document_line,
        )
        self.read.append(ReadCommand(command, first.start_byte, last.end_byte))
