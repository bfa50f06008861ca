"""The variables of a shell script, and the words into which they expand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from convert.placeholder import PLACEHOLDER
from convert.shell.arithmetic import value_of
from convert.shell.operations import result_of
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
_NO_ARGUMENTS = {"@": "", "*": "", "#": "0"}
"""The arguments of a script that is run without any, and their number."""
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

    def set_arguments(self, texts: Sequence[str]) -> None:
        """Set the arguments of a script or a function: `$1`, `$@` and `$#`.

        A script without arguments may get some when it runs, so its `$1` is unknown.
        """
        for name in [name for name in self.values if name.isdecimal()]:
            del self.values[name]
        if not texts:
            for name in _NO_ARGUMENTS:
                self.values.pop(name, None)
            return
        self.values |= {str(index): text for index, text in enumerate(texts, 1)}
        self.values["@"] = [*texts]
        self.values["*"] = [*texts]
        self.values["#"] = str(len(texts))

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
    if not words and _has_quotes(word) and not _has_every(word):
        return [""]
    return words


def _splits(piece: Piece) -> bool:
    return isinstance(piece, Variable) and (not piece.quoted or piece.every)


def _has_quotes(word: Word) -> bool:
    return any(isinstance(piece, Text) and piece.quoted for piece in word.pieces)


def _has_every(word: Word) -> bool:
    """Whether a word is `"$@"` or `"${NAME[@]}"`, which becomes no word if there are no items."""
    return any(isinstance(piece, Variable) and piece.every for piece in word.pieces)


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
        return _text_of_unknown(piece, scope)
    return _text_of_variable(piece, scope)


def _text_of_variable(piece: Variable, scope: Scope) -> str:
    if piece.counts:
        return _count(piece, scope)
    value = _item(piece, scope)
    if value is None:
        return _text_of_unset(piece, scope)
    if piece.alternative is not None:
        return _expanded_default(piece.alternative, scope)
    if piece.operation:
        return _operated(piece, value)
    return value


def _text_of_unknown(piece: Unknown, scope: Scope) -> str:
    """The value of arithmetic whose variables are known; else a placeholder."""
    if piece.expression:
        number = value_of(piece.expression, scope.text)
        if number is not None:
            return str(number)
    return f"${{{piece.label}}}"


def _count(variable: Variable, scope: Scope) -> str:
    """The length of a value, or the number of the items of an array."""
    value = scope.values.get(variable.name)
    if value is None or variable.every != isinstance(value, list):
        return f"${{{variable.name}}}"
    return str(len(value))


def _item(variable: Variable, scope: Scope) -> str | None:
    """The value of a variable as text, or one item of an array; None if it is unknown."""
    if not variable.index:
        return scope.text(variable.name)
    items = scope.values.get(variable.name)
    if not isinstance(items, list):
        return None
    for item in items:
        name, bracket, value = item.partition("]=")
        if bracket and name == f"[{variable.index}":
            return value
    index = value_of(variable.index, scope.text)
    if index is None or not 0 <= index < len(items):
        return None
    return items[index]


def _operated(variable: Variable, value: str) -> str:
    """The value after the operation of `${NAME…}`; a placeholder if one of them is not known."""
    result = None
    if not PLACEHOLDER.search(value):
        result = result_of(value, variable.operation)
    return f"${{{variable.name}}}" if result is None else result


def _text_of_unset(variable: Variable, scope: Scope) -> str:
    """The default of a variable without a value, or a placeholder with its name."""
    name = variable.name
    if name in _NO_ARGUMENTS:
        return _NO_ARGUMENTS[name]
    default = variable.default
    if default is None and name.isdecimal() and "#" in scope.values:
        return ""
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
        is_whole = not piece.index and not piece.counts
        if isinstance(value, list) and is_whole:
            return _GAP.join(value)
    return _WHITESPACE.sub(_GAP, _text(piece, scope))
