"""Turns the syntax nodes of words into pieces: literal text, variables, and values that only a running shell knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from tree_sitter import Node

from convert.shell.words import Piece, Text, Unknown, Variable

_VARIABLE = re.compile(r"\$(\w+|[@*#?$!-])")
_NAME = re.compile(r"[A-Za-z_]\w*")
_OPTION = re.compile(r"\s+(-[A-Za-z])\b")
_COMMENT = re.compile(r"\s*#.*")
_ARRAY_ITEMS = re.compile(r"(\w+)\[[@*]\]")
_PLAIN_NAME = re.compile(r"(\w+|[@*#?])")
_WITH_DEFAULT = re.compile(r"(\w+):?[-=](.*)", re.DOTALL)
_WITH_ALTERNATIVE = re.compile(r"(\w+):?\+(.*)", re.DOTALL)
_OPERATION = re.compile(r"(\w+)([#%/^,:].*)", re.DOTALL)
_ITEM = re.compile(r"(\w+)\[([^]@*]+)\]")
_COUNT = re.compile(r"#(\w+)(\[[@*]\])?")
_MANUAL_NAME = re.compile(r"[a-z_]+(-[a-z_]+)+")
"""Names of the manual such as `${model-path}`, which bash would read as a default."""
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r'\\([$`"\\\n])')
_ANSI_SEQUENCE = re.compile(r"\\(.)", re.DOTALL)
_ANSI = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
}
_DEEPEST = 50
"""How deep words may be nested."""


def text_of(node: Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode()


def pieces(
    node: Node,
    source: bytes,
    *,
    depth: int = 0,
) -> Iterator[Piece]:
    """The pieces of a word.

    Args:
        node: The syntax node of the word, or of a part of it.
        source: The source of the script.
        depth: How many nodes are around it.
    """
    kind = node.type
    if kind == "raw_string":
        yield Text(text_of(node)[1:-1])
    elif kind == "ansi_c_string":
        yield Text(_ANSI_SEQUENCE.sub(_ansi_character, text_of(node)[2:-1]))
    elif kind == "string":
        yield from _string(node, source)
    elif kind == "translated_string":
        yield from pieces(node.children[-1], source, depth=depth + 1)
    elif kind in _EXPANSIONS:
        yield from expansion(node, quoted=False)
    elif not node.children or depth > _DEEPEST:
        yield from literal_text(text_of(node))
    else:
        yield from _parts(node, source, depth)


def literal_text(text: str) -> Iterator[Piece]:
    """Unquoted text. A character after a backslash is quoted; a backslash at the end of a line joins two lines."""
    position = 0
    for found in _ESCAPED.finditer(text):
        before = text[position : found.start()]
        if before:
            yield Text(before, quoted=False)
        if found[1] != "\n":
            yield Text(found[1])
        position = found.end()
    rest = text[position:]
    if rest:
        yield Text(rest, quoted=False)


def with_variables(parts: Iterable[Piece]) -> list[Piece]:
    """The pieces of a word, with the variables that the grammar has read as text, such as those of `$A/$B.c`."""
    joined: list[Piece] = []
    for piece in parts:
        last = joined[-1] if joined else None
        if _is_plain(piece) and _is_plain(last):
            joined[-1] = Text(last.text + piece.text, quoted=False)
        else:
            joined.append(piece)
    found: list[Piece] = []
    for piece in joined:
        if _is_plain(piece):
            found += _variables(piece.text)
        else:
            found.append(piece)
    return found


def _is_plain(piece: Piece | None) -> TypeGuard[Text]:
    return isinstance(piece, Text) and not piece.quoted


def _variables(text: str) -> Iterator[Piece]:
    position = 0
    for variable in _VARIABLE.finditer(text):
        before = text[position : variable.start()]
        if before:
            yield Text(before, quoted=False)
        yield Variable(variable[1])
        position = variable.end()
    rest = text[position:]
    if rest:
        yield Text(rest, quoted=False)


def expansion(node: Node, *, quoted: bool) -> Iterator[Piece]:
    """The piece of `$NAME`, `${…}`, `$(…)`, `$((…))` or backquotes; a comment in backquotes has none."""
    text = text_of(node).lstrip()  # the grammar counts blanks before it as a part of it
    if node.type == "simple_expansion":
        name = text.removeprefix("$")
        yield Variable(name, quoted, every=name == "@")
    elif node.type == "expansion":
        yield _braces(text.removeprefix("${").removesuffix("}"), quoted=quoted)
    elif node.type == "arithmetic_expansion":
        expression = text[3:-2]
        yield Unknown(_output(expression).label, expression)
    elif node.type == "process_substitution":
        yield _output(text[2:-1])
    else:
        inner = text.removeprefix("$(").removeprefix("`")
        command = inner[:-1] if inner.endswith((")", "`")) else inner
        if not _COMMENT.fullmatch(command):
            yield _output(command)


_EXPANSIONS = (
    "simple_expansion",
    "expansion",
    "command_substitution",
    "arithmetic_expansion",
    "process_substitution",
)


def _parts(
    node: Node,
    source: bytes,
    depth: int,
) -> Iterator[Piece]:
    """The pieces of the parts of a node, and of the text between them."""
    position = node.start_byte
    for child in node.children:
        gap = source[position : child.start_byte].decode()
        yield from literal_text(gap)
        yield from pieces(child, source, depth=depth + 1)
        position = child.end_byte
    yield from literal_text(source[position : node.end_byte].decode())


def _string(node: Node, source: bytes) -> Iterator[Piece]:
    """The pieces of double quotes."""
    yield Text("")
    position = node.start_byte + 1
    for child in node.children:
        if child.type not in _EXPANSIONS:
            continue
        dollar = child.start_byte + len(text_of(child)) - len(text_of(child).lstrip())
        yield _quoted_text(source[position:dollar])
        yield from expansion(child, quoted=True)
        position = child.end_byte
    end = node.end_byte
    if source[end - 1 : end] == b'"' and end > node.start_byte + 1:
        end -= 1
    yield _quoted_text(source[position:end])


def _quoted_text(content: bytes) -> Text:
    text = _ESCAPED_IN_QUOTES.sub(_escaped_character, content.decode())
    return Text(text)


def _escaped_character(found: re.Match[str]) -> str:
    return "" if found[1] == "\n" else found[1]


def _ansi_character(found: re.Match[str]) -> str:
    return _ANSI.get(found[1], found[0])


def _output(command: str) -> Unknown:
    """The output of a command, labelled with the command."""
    name = _NAME.search(command)
    if not name:
        return Unknown("output")
    label = f"output-of-{name[0]}"
    option = _OPTION.match(command, name.end())
    if option:
        label += option[1]
    return Unknown(label)


def _braces(inside: str, *, quoted: bool) -> Piece:
    """The piece of `${inside}`."""
    array = _ARRAY_ITEMS.fullmatch(inside)
    if array:
        return Variable(array[1], quoted, every=True)
    plain = _PLAIN_NAME.fullmatch(inside)
    if plain:
        return Variable(plain[1], quoted, every=plain[1] == "@")
    if _MANUAL_NAME.fullmatch(inside):
        return Variable(inside, quoted)
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return Variable(with_default[1], quoted, default=with_default[2])
    with_alternative = _WITH_ALTERNATIVE.fullmatch(inside)
    if with_alternative:
        return Variable(with_alternative[1], quoted, alternative=with_alternative[2])
    return _operation(inside, quoted=quoted)


def _operation(inside: str, *, quoted: bool) -> Piece:
    """The piece of `${NAME##*-}`, `${NAME[1]}`, `${#NAME[@]}` and the like; else a value that only a shell knows."""
    item = _ITEM.fullmatch(inside)
    if item:
        return Variable(item[1], quoted, index=item[2])
    count = _COUNT.fullmatch(inside)
    if count:
        return Variable(count[1], quoted, every=bool(count[2]), counts=True)
    found = _OPERATION.fullmatch(inside)
    if found:
        return Variable(found[1], quoted, operation=found[2])
    name = _NAME.search(inside)
    label = name[0] if name else "value"
    return Unknown(label)
