"""A shell script as data: commands of words, words of pieces, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Text:
    """Literal characters."""

    text: str
    quoted: bool = True


@dataclass(frozen=True)
class Variable:
    """`$NAME` or `${NAME:-default}`."""

    name: str
    quoted: bool = False
    default: str | None = None
    alternative: str | None = None
    """The text that replaces a value that is set: `${NAME:+alternative}`."""
    every: bool = False
    """Whether all items of an array are meant: `${NAME[@]}`."""
    operation: str = ""
    """What happens to the value: `##*-` of `${NAME##*-}`, `,,` of `${NAME,,}`, `:0:3` of `${NAME:0:3}`."""
    index: str = ""
    """The item of an array: `1` of `${NAME[1]}`."""
    counts: bool = False
    """Whether the length counts: `${#NAME}`, or with `every` the number of items: `${#NAME[@]}`."""


@dataclass(frozen=True)
class Unknown:
    """A value that only a running shell knows, such as the output of a command."""

    label: str
    """The name of its placeholder: `output-of-hostname`."""
    expression: str = ""
    """The arithmetic of `$((…))`, which has a value if those of its variables are known."""


Piece = Text | Variable | Unknown


@dataclass(frozen=True)
class Word:
    """A word of a command, or `NAME=(…)` with the words of the array."""

    pieces: tuple[Piece, ...]
    line: int
    items: tuple[Word, ...] | None = None


@dataclass(frozen=True)
class Command:
    """A simple command."""

    words: tuple[Word, ...]
    line: int
    end: str = "\n"
    """The operator that ends it: a line end, `;`, `&`, `&&`, `||`, `|`, `(` or `)`."""
    redirected: bool = False
    target: Word | None = None
    """The file that its output is written to."""
    document: str = ""
    """The text of its here-document, `<<EOF`."""
    document_line: int = 0
    """The first line of the here-document."""


@dataclass
class Script:
    """The commands of a script."""

    commands: list[Command] = field(default_factory=list)
    slips: dict[int, str] = field(default_factory=dict)
    """The lines that bash reads differently than they were plainly meant, with the difference."""


def plain_command(texts: list[str], line: int) -> Command:
    """A command of literal words."""
    words = tuple(Word((Text(text),), line) for text in texts)
    return Command(words, line)
