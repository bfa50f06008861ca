"""The variables of a shell script, and what words become of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from convert.shell import Text, Unknown, Variable, Word, read_script
from models.credentials import is_credential

PLACEHOLDER = re.compile(r"\$\{[A-Za-z_][\w-]*\}")
"""What stands for a value that the files do not have, as the manual's `${image_name}`."""

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_MOST = 1_000_000
_DEEPEST = 20
_GAP = "\0"


@dataclass
class Scope:
    """What is known of the variables at a point of the script."""

    values: dict[str, str | list[str]] = field(default_factory=dict)
    exported: dict[str, int] = field(default_factory=dict)
    """The lines on which variables are exported, in the order of the exports."""
    secrets: dict[str, int] = field(default_factory=dict)
    """Variables that are left alone, since their values look like secrets."""
    depth: int = 0
    """How many defaults of variables are being read within each other."""

    def assign(self, name: str, value: str | list[str], line: int) -> None:
        """Give a variable its value; what looks like a secret is forgotten."""
        if isinstance(value, str) and is_credential(name, value):
            self.secrets[name] = line
            self.values.pop(name, None)
        else:
            self.secrets.pop(name, None)
            self.values[name] = value

    def unset(self, name: str) -> None:
        """Forget a variable."""
        self.values.pop(name, None)
        self.exported.pop(name, None)

    def text(self, name: str) -> str | None:
        """The value of a variable as text, or None when it is not known."""
        value = self.values.get(name)
        return " ".join(value) if isinstance(value, list) else value

    def environment(self) -> Iterator[tuple[str, str, int]]:
        """The exported variables that are known, each with its line."""
        for name, line in self.exported.items():
            if (value := self.text(name)) is not None:
                yield name, value, line


def assignment(word: Word) -> tuple[str, bool, Word] | None:
    """Name, whether it is appended to, and value of a word `NAME=value`, or None for any other."""
    first = word.pieces[0] if word.pieces else None
    if not isinstance(first, Text) or first.quoted or not (found := _ASSIGNMENT.match(first.text)):
        return None
    rest = (Text(first.text[found.end() :], quoted=False), *word.pieces[1:])
    return found[1], bool(found[2]), Word(rest, word.line, word.items)


def assigned(word: Word, append: bool, name: str, scope: Scope) -> str | list[str]:
    """The value of an assignment."""
    before = scope.values.get(name) if append else None
    if word.items is not None:
        items = [text for item in word.items for text in expand(item, scope)]
        return [*(before if isinstance(before, list) else [before] if before else []), *items]
    text = expand_one(word, scope)
    return f"{scope.text(name) or ''}{text}" if append else text


def expand_one(word: Word, scope: Scope) -> str:
    """A word without the splitting of its values."""
    return "".join(_one(piece, scope) for piece in _home(word))[:_MOST]


def expand(word: Word, scope: Scope) -> list[str]:
    """The words that a word becomes: what an unquoted variable holds is split at blanks."""
    parts = [_one(piece, scope) if _is_whole(piece) else _split(piece, scope) for piece in _home(word)]
    fields = [text for text in "".join(parts).split(_GAP) if text]
    return fields or ([""] if any(isinstance(piece, Text) and piece.quoted for piece in word.pieces) else [])


def _is_whole(piece: Text | Variable | Unknown) -> bool:
    return not isinstance(piece, Variable) or (piece.quoted and not piece.every)


def _home(word: Word) -> Iterator[Text | Variable | Unknown]:
    """The pieces, with `~` at the beginning as the variable that it stands for."""
    first, *rest = word.pieces or (Text(""),)
    if isinstance(first, Text) and not first.quoted and re.match(r"~(/|$)", first.text):
        yield Variable("HOME", quoted=True)
        first = Text(first.text[1:])
    yield first
    yield from rest


def _one(piece: Text | Variable | Unknown, scope: Scope) -> str:
    if isinstance(piece, Text):
        return piece.text
    if isinstance(piece, Unknown):
        return f"${{{piece.label}}}"
    value = scope.text(piece.name)
    if value is None and piece.default is not None and is_credential(piece.name, piece.default):
        scope.secrets.setdefault(piece.name, 0)
    if value is None and piece.default is not None and piece.name not in scope.secrets:
        return default_text(piece.default, scope)
    if value is None:
        name = piece.name if re.match(r"[A-Za-z_]", piece.name) else f"argument-{piece.name}"
        return f"${{{name}}}" if re.fullmatch(r"[\w-]+", name) else "${argument}"
    return value if piece.alternative is None else default_text(piece.alternative, scope)


def default_text(default: str, scope: Scope) -> str:
    """What stands for a variable, of `${NAME:-default}` or of `${NAME:+alternative}`."""
    if scope.depth > _DEEPEST:
        return default
    inner = Scope(dict(scope.values), secrets=scope.secrets, depth=scope.depth + 1)
    words = [word for command in read_script(f'"{default}"').commands for word in command.words]
    return "".join(expand_one(word, inner) for word in words)


def _split(piece: Text | Variable | Unknown, scope: Scope) -> str:
    """The words of a variable, with gaps between them."""
    value = scope.values.get(piece.name) if isinstance(piece, Variable) else None
    return _GAP.join(value) if isinstance(value, list) else re.sub(r"\s+", _GAP, _one(piece, scope))


def fill(text: str, values: Mapping[str, str]) -> str:
    """A text with the placeholders filled in that have a value."""
    return PLACEHOLDER.sub(lambda found: values.get(found[0][2:-1], found[0]), text)
