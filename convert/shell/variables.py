"""The variables of a shell script, and the words into which they expand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from convert.shell.script import read_script
from convert.shell.words import Piece, Text, Unknown, Variable, Word
from models.credentials import is_credential

Value = str | list[str]
"""The value of a variable: text, or the items of an array."""

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_HOME = re.compile(r"~(/|$)")
_WHITESPACE = re.compile(r"\s+")
_NAME = re.compile(r"[\w-]+")
_NAME_START = re.compile(r"[A-Za-z_]")
_LONGEST = 1_000_000
"""The most characters of a word, since values that contain each other can grow without end."""
_DEEPEST = 20
"""How many defaults may be nested in each other."""
_GAP = "\0"
"""Separates words while they are joined; no text has this character."""


@dataclass
class Scope:
    """The variables that are known at a point of a script."""

    values: dict[str, Value] = field(default_factory=dict)
    exported: dict[str, int] = field(default_factory=dict)
    """The line of each export, in the order of the exports."""
    secrets: dict[str, int] = field(default_factory=dict)
    """Variables whose values look like credentials, with their lines. Their values are not kept."""
    depth: int = 0
    """How many defaults are being expanded within each other."""

    def assign(
        self,
        name: str,
        value: Value,
        line: int,
    ) -> None:
        """Set a variable; a value that looks like a credential is forgotten."""
        if isinstance(value, str) and is_credential(name, value):
            self.secrets[name] = line
            self.values.pop(name, None)
        else:
            self.secrets.pop(name, None)
            self.values[name] = value

    def unset(self, name: str) -> None:
        """Remove a variable."""
        self.values.pop(name, None)
        self.exported.pop(name, None)

    def text(self, name: str) -> str | None:
        """The value of a variable as text, or None if it is unknown."""
        value = self.values.get(name)
        if isinstance(value, list):
            return " ".join(value)
        return value


@dataclass(frozen=True)
class Assignment:
    """`NAME=value` or `NAME+=value`."""

    name: str
    value: Word
    appends: bool


def assignment(word: Word) -> Assignment | None:
    """The assignment that a word is, or None for any other word."""
    if not word.pieces:
        return None
    first, *others = word.pieces
    if not _is_unquoted(first):
        return None
    found = _ASSIGNMENT.match(first.text)
    if not found:
        return None
    rest = Text(first.text[found.end() :], quoted=False)
    value = Word((rest, *others), word.line, word.items)
    return Assignment(found[1], value, appends=bool(found[2]))


def assigned(assignment: Assignment, scope: Scope) -> Value:
    """The value that a variable has after an assignment."""
    word = assignment.value
    if word.items is not None:
        items = _items(assignment, scope)
        for item in word.items:
            items += expand(item, scope)
        return items
    if assignment.name not in scope.values:
        word = _with_own_value(word, assignment.name)
    text = expand_one(word, scope)
    if not assignment.appends:
        return text
    before = scope.text(assignment.name) or ""
    return before + text


def _with_own_value(word: Word, name: str) -> Word:
    """The word with the old value of its variable, which the image may set: `/a${PATH:+:$PATH}` is `/a:$PATH`."""
    parts: list[Piece] = []
    for piece in word.pieces:
        if not isinstance(piece, Variable) or piece.name != name:
            parts.append(piece)
        elif piece.alternative in (f":${name}", f":${{{name}}}"):
            parts += [Text(":"), Variable(name, quoted=True)]
        elif piece.alternative in (f"${name}:", f"${{{name}}}:"):
            parts += [Variable(name, quoted=True), Text(":")]
        elif piece.default == "":
            parts.append(Variable(name, quoted=True))
        else:
            parts.append(piece)
    return Word(tuple(parts), word.line, word.items)


def _items(assignment: Assignment, scope: Scope) -> list[str]:
    """The items to which the items of an array are appended."""
    if not assignment.appends:
        return []
    before = scope.values.get(assignment.name)
    if isinstance(before, list):
        return [*before]
    if before:
        return [before]
    return []


def expand_one(word: Word, scope: Scope) -> str:
    """The text of a word as in double quotes: values are not split into words."""
    texts = [_text(piece, scope) for piece in _with_home(word)]
    return "".join(texts)[:_LONGEST]


def expand(word: Word, scope: Scope) -> list[str]:
    """The words that a word becomes: the value of an unquoted variable is split at white space."""
    texts = []
    for piece in _with_home(word):
        if _splits(piece):
            texts.append(_split_text(piece, scope))
        else:
            texts.append(_text(piece, scope))
    words = [text for text in "".join(texts).split(_GAP) if text]
    if not words and _has_quotes(word):
        return [""]
    return words


def _splits(piece: Piece) -> bool:
    return isinstance(piece, Variable) and (not piece.quoted or piece.every)


def _has_quotes(word: Word) -> bool:
    return any(isinstance(piece, Text) and piece.quoted for piece in word.pieces)


def _is_unquoted(piece: Piece) -> TypeGuard[Text]:
    return isinstance(piece, Text) and not piece.quoted


def _with_home(word: Word) -> Iterator[Piece]:
    """The pieces of a word, with `~` at its beginning as the variable HOME."""
    first, *rest = word.pieces or (Text(""),)
    if _is_unquoted(first) and _HOME.match(first.text):
        yield Variable("HOME", quoted=True)
        first = Text(first.text[1:])
    yield first
    yield from rest


def _text(piece: Piece, scope: Scope) -> str:
    """The text of a piece; a placeholder for a value that is unknown."""
    if isinstance(piece, Text):
        return piece.text
    if isinstance(piece, Unknown):
        return f"${{{piece.label}}}"
    value = scope.text(piece.name)
    if value is None:
        return _text_of_unset(piece, scope)
    if piece.alternative is not None:
        return _expanded_default(piece.alternative, scope)
    if piece.after:
        return value.rpartition(piece.after)[2]
    return value


def _text_of_unset(variable: Variable, scope: Scope) -> str:
    """The default of a variable without a value, or a placeholder with its name."""
    name = variable.name
    default = variable.default
    if default is not None and is_credential(name, default):
        scope.secrets.setdefault(name, 0)
    if default is not None and name not in scope.secrets:
        return _expanded_default(default, scope)
    if not _NAME_START.match(name):
        name = f"argument-{name}"
    if _NAME.fullmatch(name):
        return f"${{{name}}}"
    return "${argument}"


def _expanded_default(default: str, scope: Scope) -> str:
    """The text of the default in `${NAME:-default}`, or of the alternative in `${NAME:+alternative}`."""
    if scope.depth > _DEEPEST:
        return default
    inner = Scope(
        values=dict(scope.values),
        secrets=scope.secrets,
        depth=scope.depth + 1,
    )
    texts = []
    for command in read_script(f'"{default}"').commands:
        texts += [expand_one(word, inner) for word in command.words]
    return "".join(texts)


def _split_text(piece: Piece, scope: Scope) -> str:
    """The words of a variable, separated by gaps."""
    if isinstance(piece, Variable):
        value = scope.values.get(piece.name)
        if isinstance(value, list):
            return _GAP.join(value)
    return _WHITESPACE.sub(_GAP, _text(piece, scope))
