"""Which commands of a script are run: branches are read, functions where they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from convert.shell import Command, Word

_OPENING = {"if", "case", "for", "while", "until", "select"}
_CLOSING = {"fi": {"if"}, "esac": {"case"}, "done": {"for", "while", "until", "select"}, "}": {"{", "function"}}
_OTHER = {"then", "else", "elif", "do", "!"}
_HEADS = {"case", "for", "select"}
_TESTS = {"[", "[[", "test"}


@dataclass(frozen=True)
class Step:
    """A command that is run, without the keywords before it."""

    command: Command
    branch: int = 0
    """The line that decides whether it is run: an `if`, a `case`, or a test with `&&`; 0 when it always is."""


@dataclass
class Flow:
    """The steps of a script, and those of its functions by name."""

    steps: list[Step] = field(default_factory=list)
    functions: dict[str, list[Step]] = field(default_factory=dict)


def read_flow(commands: Sequence[Command]) -> Flow:
    """What is run of a script.

    Args:
        commands: Its commands, in their order.
    """
    reader = _Reader()
    for index, command in enumerate(commands):
        if reader.inside("case") and _is_pattern(commands[index:]):
            continue
        reader.take(command, commands[index + 1 : index + 2])
    return reader.flow


@dataclass
class _Reader:
    flow: Flow = field(default_factory=Flow)
    open: list[tuple[str, int]] = field(default_factory=list)
    """What is open: the keyword, and its line."""
    names: list[str] = field(default_factory=list)
    """The functions that are open."""
    declared: bool = False
    """Whether the brace of the innermost function is still to come."""
    tested: int = 0
    """The line of a test that decides about the next command."""

    def inside(self, keyword: str) -> bool:
        return bool(self.open) and self.open[-1][0] == keyword

    def take(self, command: Command, following: Sequence[Command]) -> None:
        words = [*command.words]
        if _declares_function(command, following):
            self._function(literal(words[0]), command.line)
            return
        while words and self._keyword(words, command.line):
            pass
        if words:
            branch = self.tested or next((line for word, line in reversed(self.open) if word in ("if", "case")), 0)
            step = Step(replace(command, words=tuple(words)), branch)
            (self.flow.functions[self.names[-1]] if self.names else self.flow.steps).append(step)
        is_test = bool(words) and literal(words[0]) in _TESTS and command.end in ("&&", "||")
        self.tested = command.line if is_test else 0

    def _keyword(self, words: list[Word], line: int) -> bool:
        """Take a keyword away from the beginning of a command, with all of a head such as `for i in 1 2`."""
        word = literal(words[0])
        if word == "function" and len(words) > 1:
            self._function(literal(words[1]).removesuffix("()"), line)
            words[:2] = []
        elif word == "{":
            words.pop(0)
            if not self.declared:
                self.open.append(("{", line))
            self.declared = False
        elif word in _OPENING:
            self.open.append((word, line))
            words[:] = [] if word in _HEADS else words[1:]
        elif word in _CLOSING:
            words.pop(0)
            self._close(_CLOSING[word])
        elif word in _OTHER:
            words.pop(0)
        else:
            return False
        return True

    def _function(self, name: str, line: int) -> None:
        self.open.append(("function", line))
        self.names.append(name)
        self.flow.functions[name] = []
        self.declared = True

    def _close(self, keywords: set[str]) -> None:
        if self.open and self.open[-1][0] in keywords and self.open.pop()[0] == "function":
            self.names.pop()


def literal(word: Word) -> str:
    """A word as it is written, `$` for what is no text."""
    return "".join(getattr(piece, "text", "$") for piece in word.pieces)


def _declares_function(command: Command, following: Sequence[Command]) -> bool:
    """Whether a command is the `start` of `start() {`."""
    opens = bool(following) and literal(following[0].words[0]) == "{"
    return len(command.words) == 1 and command.end == "(" and opens


def _is_pattern(commands: Sequence[Command]) -> bool:
    """Whether a branch of a `case` begins: `a)`, `a|b)`."""
    for command in commands:
        if len(command.words) != 1 or command.end not in ("|", ")"):
            return False
        if command.end == ")":
            return True
    return False
