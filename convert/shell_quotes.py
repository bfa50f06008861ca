"""Reads quotes, variables and command substitutions of a shell script into pieces of a word."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convert.shell_words import Piece, Text, Unknown, Variable

_VARIABLE = re.compile(r"\$(\w+|[@*#?$!-])")
_NAME = re.compile(r"[A-Za-z_]\w*")
_OPTION = re.compile(r"\s+(-[A-Za-z])\b")
_COMMENT = re.compile(r"\s*#.*")
_ARRAY_ITEMS = re.compile(r"(\w+)\[[@*]\]")
_PLAIN_NAME = re.compile(r"(\w+|[@*#?])")
_WITH_DEFAULT = re.compile(r"(\w+):?[-=](.*)", re.DOTALL)
_WITH_ALTERNATIVE = re.compile(r"(\w+):?\+(.*)", re.DOTALL)
_MANUAL_NAME = re.compile(r"[a-z_]+(-[a-z_]+)+")
"""Names of the manual such as `${model-path}`, which bash would read as a default."""
_ESCAPES = {
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
_ESCAPED_IN_QUOTES = ("$", "`", '"', "\\", "\n", "")
"""Characters that a backslash escapes in double quotes; the last one is the end of the text."""
_OPENING = {"}": "{", ")": "("}


@dataclass(frozen=True)
class Quoted:
    """The pieces of a quote or of a variable."""

    pieces: tuple[Piece, ...]
    end: int
    """The position after it."""
    closed: bool = True
    """Whether the script closes the quote."""


def read_quoted(text: str, start: int) -> Quoted:
    """Read the quote, the variable or the command substitution that begins at a position."""
    if text.startswith("'", start):
        return _single_quotes(text, start)
    if text.startswith('"', start):
        return _double_quotes(text, start)
    if text.startswith("`", start):
        return _backquotes(text, start)
    if text.startswith("$'", start):
        return _ansi_quotes(text, start)
    if text.startswith('$"', start):
        return Quoted((), start + 1)
    return _variable(text, start, quoted=False)


def _single_quotes(text: str, start: int) -> Quoted:
    end = text.find("'", start + 1)
    closed = end >= 0
    if not closed:
        end = len(text)
    content = Text(text[start + 1 : end])
    return Quoted((content,), end + 1, closed)


def _double_quotes(text: str, start: int) -> Quoted:
    pieces: list[Piece] = [Text("")]
    position = start + 1
    while position < len(text) and text[position] != '"':
        inner = _in_double_quotes(text, position)
        pieces += inner.pieces
        position = inner.end
    closed = position < len(text)
    if not closed:
        position = len(text)
    return Quoted(tuple(pieces), position + 1, closed)


def _in_double_quotes(text: str, start: int) -> Quoted:
    character = text[start]
    following = text[start + 1 : start + 2]
    if character == "\\" and following == "\n":
        return Quoted((Text(""),), start + 2)
    if character == "\\" and following in _ESCAPED_IN_QUOTES:
        return Quoted((Text(following),), start + 2)
    if character == "`":
        return _backquotes(text, start)
    if character == "$":
        return _variable(text, start, quoted=True)
    return Quoted((Text(character),), start + 1)


def _backquotes(text: str, start: int) -> Quoted:
    end = _closing("`", text, start + 1)
    return _substitution(text, start + 1, end)


def _ansi_quotes(text: str, start: int) -> Quoted:
    """`$'…'`, in which a backslash begins an escape sequence such as `\\n`."""
    position = start + 2
    characters = []
    while position < len(text) and text[position] != "'":
        if text[position] == "\\":
            sequence = text[position : position + 2]
            characters.append(_ESCAPES.get(sequence[1:], sequence))
            position += 2
        else:
            characters.append(text[position])
            position += 1
    return Quoted((Text("".join(characters)),), position + 1)


def _variable(
    text: str,
    start: int,
    *,
    quoted: bool,
) -> Quoted:
    if text.startswith("${", start):
        end = _closing("}", text, start + 2)
        piece = _expansion(text[start + 2 : end], quoted=quoted)
        return Quoted((piece,), end + 1)
    if text.startswith("$((", start):
        end = _closing(")", text, start + 3) + 1
        return _substitution(text, start + 3, end)
    if text.startswith("$(", start):
        end = _closing(")", text, start + 2)
        return _substitution(text, start + 2, end)
    name = _VARIABLE.match(text, start)
    if name:
        return Quoted((Variable(name[1], quoted),), name.end())
    return Quoted((Text("$"),), start + 1)


def _substitution(
    text: str,
    start: int,
    end: int,
) -> Quoted:
    """The output of the command between two positions, labelled with the command; a comment in backquotes has none."""
    command = text[start:end]
    if _COMMENT.fullmatch(command):
        return Quoted((), end + 1)
    label = "output"
    name = _NAME.search(command)
    if name:
        label = f"output-of-{name[0]}"
        option = _OPTION.match(command, name.end())
        if option:
            label += option[1]
    return Quoted((Unknown(label),), end + 1)


def _closing(
    bracket: str,
    text: str,
    start: int,
) -> int:
    """The position of the bracket that closes the one before `start`; the end of the text if there is none."""
    opening = _OPENING.get(bracket)
    depth = 0
    position = start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == opening:
            depth += 1
        elif character == bracket and depth == 0:
            return position
        elif character == bracket:
            depth -= 1
        position += 1
    return len(text)


def _expansion(inside: str, *, quoted: bool) -> Piece:
    """The piece of `${inside}`."""
    array = _ARRAY_ITEMS.fullmatch(inside)
    if array:
        return Variable(array[1], quoted, every=True)
    plain = _PLAIN_NAME.fullmatch(inside)
    if plain:
        return Variable(plain[1], quoted)
    if _MANUAL_NAME.fullmatch(inside):
        return Variable(inside, quoted)
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return Variable(with_default[1], quoted, default=with_default[2])
    with_alternative = _WITH_ALTERNATIVE.fullmatch(inside)
    if with_alternative:
        return Variable(with_alternative[1], quoted, alternative=with_alternative[2])
    name = _NAME.search(inside)
    label = name[0] if name else "value"
    return Unknown(label)
