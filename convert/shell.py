"""From the text of a shell script to its commands: words with their quotes and variables, each with its line.

It reads what bash reads, and beyond that what was plainly meant: a line that begins with a flag belongs to the command
before it, also where a space after the backslash, a comment or a missing backslash has bash end that command.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field

_BLANK = " \t\u00a0\u3000"
_VARIABLE = re.compile(r"\$(\w+|[@*#?$!-])")
_ARRAY = re.compile(r"[A-Za-z_]\w*\+?=$")
_OPERATOR = re.compile(r"&&|\|\||;;|\|&|[;|()&]")
_REDIRECT = re.compile(r"&>>|&>|<<<|<<-?|<>|>>|>\||[<>]&?")
_FLAG = re.compile(r"-{1,2}[A-Za-z]|[–—]{1,2}-?[A-Za-z]")
_HEREDOC_END = re.compile(r"\s*(?:'([^'\n]*)'|\"([^\"\n]*)\"|([^\s;&|<>]+))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "e": "\x1b"}


@dataclass(frozen=True)
class Text:
    """Characters that stand for themselves."""

    text: str
    quoted: bool = True


@dataclass(frozen=True)
class Variable:
    """`$NAME` or `${NAME:-default}`."""

    name: str
    quoted: bool = False
    default: str | None = None
    alternative: str | None = None
    """What stands in the place of a value, if there is one: `${NAME:+alternative}`."""
    every: bool = False
    """All items of an array: `${NAME[@]}`."""


@dataclass(frozen=True)
class Unknown:
    """What only a running shell knows; the label says what it is."""

    label: str


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
    """What ends it: a line end, `;`, `&`, `&&`, `||`, `|`, `(` or `)`."""
    redirected: bool = False
    target: Word | None = None
    """The file that its output goes to."""
    document: str = ""
    """The lines of its here-document, `<<EOF`, and the line that they begin on."""
    document_line: int = 0


@dataclass
class Script:
    """The commands of a script, and the lines on which bash reads something else than what was plainly meant."""

    commands: list[Command] = field(default_factory=list)
    slips: dict[int, str] = field(default_factory=dict)


def read_script(text: str, first_line: int = 1) -> Script:
    """Read a script; whatever the text is, it has commands.

    Args:
        text: The script.
        first_line: The line of its file that it begins on.
    """
    return _Reader(text, first_line).read()


class _Reader:
    def __init__(self, text: str, first_line: int) -> None:
        self.text = text
        self.at = 0
        self.first = first_line
        self.line_ends = [found.start() for found in re.finditer("\n", text)]
        self.script = Script()
        self.words: list[Word] = []
        self.pieces: list[Piece] = []
        self.word_line = 0
        self.redirected = False
        self.target = False
        self.written: Word | None = None
        self.heredocs: list[tuple[str, bool]] = []
        self.document, self.document_line = "", 0

    @property
    def line(self) -> int:
        return self.first + bisect_left(self.line_ends, self.at)

    def read(self) -> Script:
        while self.at < len(self.text):
            self._step()
        self._end_command("\n")
        return self.script

    def _step(self) -> None:
        character = self.text[self.at]
        if character == "\n":
            self._line_end()
        elif character == "\\":
            self._backslash()
        elif character in _BLANK:
            self._end_word()
            self.at += 1
        elif character == "#" and not self.pieces:
            self.at = self._end_of_line()
        elif character in "'\"$`":
            self._begin_word()
            self._quote_or_variable(character)
        elif character in "<>" or _REDIRECT.match(self.text, self.at, self.at + 2):
            self._redirect()
        elif operator := _OPERATOR.match(self.text, self.at):
            self._operator(operator[0])
        else:
            self._plain(character)

    def _end_of_line(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end

    def _begin_word(self) -> None:
        if not self.pieces:
            self.word_line = self.line

    def _plain(self, text: str) -> None:
        self._begin_word()
        last = self.pieces[-1] if self.pieces else None
        if isinstance(last, Text) and not last.quoted:
            self.pieces[-1] = Text(last.text + text, quoted=False)
        else:
            self.pieces.append(Text(text, quoted=False))
        self.at += len(text)

    def _end_word(self) -> None:
        if self.pieces and self.target:
            self.written = Word(tuple(self.pieces), self.word_line)
        elif self.pieces:
            self.words.append(Word(tuple(self.pieces), self.word_line))
        self.target = self.target and not self.pieces
        self.pieces = []

    def _end_command(self, end: str) -> None:
        self._end_word()
        self.target = False
        if self.words:
            output = (self.redirected, self.written, self.document, self.document_line)
            self.script.commands.append(Command(tuple(self.words), self.words[0].line, end, *output))
        self.words, self.redirected, self.written = [], False, None
        self.document, self.document_line = "", 0

    def _line_end(self) -> None:
        """The end of a command, unless a flag follows."""
        self._end_word()
        if self.heredocs:
            self._skip_heredocs()
            self._end_command("\n")
        elif self.words and (following := self._flag_below(self.at)):
            self._slip(f"bash ends the command before {following}, as no backslash joins the lines; taken as meant")
            self.at += 1
        else:
            self._end_command("\n")
            self.at += 1

    def _backslash(self) -> None:
        end = self.at + 1
        while end < len(self.text) and self.text[end] in _BLANK:
            end += 1
        comment = end < len(self.text) and self.text[end] == "#" and end > self.at + 1
        stop = self.text.find("\n", end) if comment else end
        joined = stop < 0 or stop >= len(self.text) or self.text[stop] == "\n"
        if joined and end == self.at + 1:
            self._joined_line()
        elif joined and (comment or self._flag_below(stop) or stop >= len(self.text) - 1):
            self._end_word()
            what = "a comment after the backslash ends" if comment else "blanks after the backslash end"
            if self._flag_below(stop):
                self._slip(f"{what} the command for bash; taken as meant")
            self.at = len(self.text) if stop < 0 else stop + 1
        else:
            self._begin_word()
            self.pieces.append(Text(self.text[self.at + 1 : self.at + 2]))
            self.at += 2

    def _joined_line(self) -> None:
        """A backslash at the end of its line; a comment on the next one ends the command for bash."""
        self.at += 2
        while (found := re.compile(r"[ \t\u00a0\u3000]*#[^\n]*").match(self.text, self.at)) and not self.pieces:
            following = self._flag_below(found.end())
            if not following or not self.words:
                return
            self._slip(f"the comment ends the command for bash, before {following}; taken as meant")
            self.at = found.end() + 1

    def _flag_below(self, start: int) -> str | None:
        """The flag that the next line begins with; blank lines, lone backslashes and comments are left out."""
        for line in self.text[start:].split("\n")[1:]:
            stripped = line.strip(f"{_BLANK}\\")
            if stripped and not stripped.startswith("#"):
                return re.split(r"[\s=]", stripped)[0] if _FLAG.match(stripped) else None
        return None

    def _slip(self, what: str) -> None:
        self.script.slips.setdefault(self.line, what)

    def _operator(self, operator: str) -> None:
        last = self.pieces[-1] if self.pieces else None
        if operator == "(" and len(self.pieces) == 1 and isinstance(last, Text) and _ARRAY.match(last.text):
            self._array(last)
            return
        self.at += len(operator)
        self._end_command(operator)

    def _array(self, name: Text) -> None:
        inner = _Reader(self.text, self.first)
        inner.at = self.at + 1
        while inner.at < len(self.text) and self.text[inner.at] != ")":
            if self.text[inner.at] == "\n":
                inner._end_word()
                inner.at += 1
            else:
                inner._step()
        inner._end_word()
        self.at = inner.at + 1
        items = [word for command in inner.script.commands for word in command.words] + inner.words
        self.words.append(Word((name,), self.word_line, tuple(items)))
        self.pieces = []

    def _redirect(self) -> None:
        found = _REDIRECT.match(self.text, self.at)
        operator = found[0] if found else self.text[self.at]
        number = self.pieces[0] if len(self.pieces) == 1 else None
        if isinstance(number, Text) and number.text.isdecimal():
            self.pieces = []
        self._end_word()
        self.at += len(operator)
        self.redirected = True
        if operator in ("<<", "<<-"):
            if end := _HEREDOC_END.match(self.text, self.at):
                self.heredocs.append((next(group for group in end.groups() if group is not None), end[3] is None))
                self.at = end.end()
        else:
            self.target = True

    def _skip_heredocs(self) -> None:
        lines = self.text[self.at + 1 :].split("\n")
        self.document_line = self.line + 1
        for name, quoted in self.heredocs:
            read = []
            while lines and (line := lines.pop(0)).strip("\t ") != name:
                read.append(line if quoted else re.sub(r"\\([$`\\])", r"\1", line))
            self.document = "\n".join(read)
        self.heredocs = []
        self.at = max(len(self.text) - len("\n".join(lines)), self.at + 1) if lines else len(self.text)

    def _quote_or_variable(self, character: str) -> None:
        if character == "'":
            self._single()
        elif character == '"':
            self._double()
        elif character == "`":
            self._unknown(self._closing("`", self.at + 1), self.at + 1)
        elif self.text[self.at : self.at + 2] == "$'":
            self._ansi()
        elif self.text[self.at : self.at + 2] == '$"':
            self.at += 1
        else:
            self._variable(quoted=False)

    def _single(self) -> None:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            self._slip("a quote that is never closed")
            end = len(self.text)
        self.pieces.append(Text(self.text[self.at + 1 : end]))
        self.at = end + 1

    def _double(self) -> None:
        start = self.at
        self.at += 1
        self.pieces.append(Text(""))
        while self.at < len(self.text) and self.text[self.at] != '"':
            self._inside_double()
        if self.at >= len(self.text):
            self.at = start
            self._slip("a quote that is never closed")
            self.at = len(self.text)
        self.at += 1

    def _inside_double(self) -> None:
        character, following = self.text[self.at], self.text[self.at + 1 : self.at + 2]
        if character == "\\" and following in '$`"\\\n':
            self.pieces.append(Text("" if following == "\n" else following))
            self.at += 2
        elif character == "`":
            self._unknown(self._closing("`", self.at + 1), self.at + 1)
        elif character == "$":
            self._variable(quoted=True)
        else:
            self.pieces.append(Text(character))
            self.at += 1

    def _ansi(self) -> None:
        self.at += 2
        text = ""
        while self.at < len(self.text) and self.text[self.at] != "'":
            step = 2 if self.text[self.at] == "\\" else 1
            part = self.text[self.at : self.at + step]
            text += _ESCAPES.get(part[1:], part) if step == 2 else part
            self.at += step
        self.pieces.append(Text(text))
        self.at += 1

    def _variable(self, *, quoted: bool) -> None:
        if self.text.startswith("${", self.at):
            end = self._closing("}", self.at + 2)
            self.pieces.append(_expansion(self.text[self.at + 2 : end], quoted=quoted))
            self.at = end + 1
        elif self.text.startswith("$((", self.at):
            self._unknown(self._closing(")", self.at + 3) + 1, self.at + 3)
        elif self.text.startswith("$(", self.at):
            self._unknown(self._closing(")", self.at + 2), self.at + 2)
        elif found := _VARIABLE.match(self.text, self.at):
            self.pieces.append(Variable(found[1], quoted))
            self.at = found.end()
        else:
            self.pieces.append(Text("$"))
            self.at += 1

    def _unknown(self, end: int, start: int) -> None:
        """The output of a command, named after the command; of a comment in backquotes there is none."""
        if re.fullmatch(r"\s*#.*", self.text[start:end]):
            self.at = end + 1
            return
        name = re.search(r"[A-Za-z_]\w*", self.text[start:end])
        self.pieces.append(Unknown(f"output-of-{name[0]}" if name else "output"))
        self.at = end + 1

    def _closing(self, bracket: str, start: int) -> int:
        """Where the bracket that is open at `start` closes; the end of the text when it never does."""
        opening, depth, at = {"}": "{", ")": "("}.get(bracket), 0, start
        while at < len(self.text):
            character = self.text[at]
            if character == "\\":
                at += 1
            elif character == bracket and depth == 0:
                return at
            else:
                depth += (character == opening) - (character == bracket)
            at += 1
        return len(self.text)


def _expansion(inside: str, *, quoted: bool) -> Piece:
    """What stands between `${` and `}`; a name with `-` is one of the manual's, such as `${model-path}`."""
    if found := re.fullmatch(r"(\w+)\[[@*]\]", inside):
        return Variable(found[1], quoted, every=True)
    if found := re.fullmatch(r"(\w+|[@*#?])", inside):
        return Variable(found[1], quoted)
    if found := re.fullmatch(r"(\w+):?[-=](.*)", inside, re.DOTALL):
        manuals = re.fullmatch(r"[a-z_]+(-[a-z_]+)+", inside)
        return Variable(inside, quoted) if manuals else Variable(found[1], quoted, default=found[2])
    if found := re.fullmatch(r"(\w+):?\+(.*)", inside, re.DOTALL):
        return Variable(found[1], quoted, alternative=found[2])
    name = re.search(r"[A-Za-z_]\w*", inside)
    return Unknown(name[0] if name else "value")
