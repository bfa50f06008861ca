"""The commands of a script that may run: branches are followed, functions where they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from convert.shell.words import Command, Text, Word

_OPENING = {"if", "case", "for", "while", "until", "select"}
_CLOSING = {
    "fi": {"if"},
    "esac": {"case"},
    "done": {"for", "while", "until", "select"},
    "}": {"{", "function"},
}
"""The keywords that each closing keyword may end."""
_BRANCHES = {"if", "case"}
_OTHER_KEYWORDS = {"then", "else", "elif", "do", "!"}
_HEADS = {"case", "for", "select"}
"""Keywords whose command is only a head, such as `for i in 1 2`."""
_LOOPS = {"for", "while", "until", "select"}
_WITH_TESTS = {"if", "while", "until"}
_TESTS = {"[", "[[", "test", "(("}


@dataclass
class Test:
    """The commands between `if` and `then`, or those of `[ … ] &&`."""

    __test__ = False
    commands: list[Command] = field(default_factory=list)
    is_negated: bool = False
    """Whether a `!` comes before them."""


@dataclass(frozen=True)
class Guard:
    """A test that decides whether a command runs."""

    test: Test
    expected: bool
    """The result with which the command runs."""


@dataclass(frozen=True)
class Case:
    """A branch of a `case`, which runs if its word matches one of the patterns, and none of an earlier branch."""

    subject: Word
    patterns: tuple[Word, ...]
    earlier: tuple[Word, ...]
    """The patterns of the branches before it."""


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop around commands."""

    keyword: str
    head: tuple[Word, ...]
    """The words after `for`: `i`, `in`, and the items."""
    test: Test
    """The commands between `while` and `do`."""


@dataclass(frozen=True)
class Step:
    """A command without the keywords before it."""

    command: Command
    branch: int = 0
    """The line of the `if`, the `case` or the test with `&&` that decides whether it runs; 0 if it always runs."""
    guards: tuple[Guard, ...] = ()
    """The tests of each `if` around it, and of `[ … ] && …`."""
    cases: tuple[Case, ...] = ()
    """The branches of each `case` around it."""
    loops: tuple[Loop, ...] = ()
    """The loops around it, the outermost first."""


@dataclass
class Flow:
    """The steps of a script, and those of its functions by name."""

    steps: list[Step] = field(default_factory=list)
    functions: dict[str, list[Step]] = field(default_factory=dict)


def read_flow(commands: Sequence[Command]) -> Flow:
    """The steps of a script.

    Args:
        commands: The commands in their order.
    """
    reader = _Reader()
    for index, command in enumerate(commands):
        rest = commands[index:]
        if reader.is_inside("case") and _is_pattern(rest):
            reader.take_pattern(command)
            continue
        following = next(iter(rest[1:]), None)
        reader.take(command, following)
    return reader.flow


def literal(word: Word) -> str:
    """A word as the script has it, with `$` for each variable."""
    characters = []
    for piece in word.pieces:
        if isinstance(piece, Text):
            characters.append(piece.text)
        else:
            characters.append("$")
    return "".join(characters)


@dataclass
class _Block:
    """A keyword that is not closed yet."""

    keyword: str
    line: int
    tests: list[Test] = field(default_factory=list)
    """The tests of an `if` and of its `elif`, up to the present branch."""
    is_test: bool = False
    """Whether the commands are those of a test."""
    is_else: bool = False
    loop: Loop | None = None
    subject: Word | None = None
    """The word of a `case`."""
    patterns: list[Word] = field(default_factory=list)
    """The patterns of the present branch of a `case`."""
    earlier: list[Word] = field(default_factory=list)
    """The patterns of its branches before."""
    is_pattern: bool = False
    """Whether the last command was one of several patterns of a branch."""

    def begin_test(self) -> None:
        """Begin the test of `if` or `elif`."""
        self.tests.append(Test())
        self.is_test = True

    def guards(self) -> list[Guard]:
        """The tests that lead to the present branch."""
        guards = [Guard(test, expected=False) for test in self.tests]
        if guards and not self.is_else:
            guards[-1] = Guard(self.tests[-1], expected=True)
        return guards


@dataclass
class _Reader:
    flow: Flow = field(default_factory=Flow)
    blocks: list[_Block] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    """The functions that are not closed yet, the innermost last."""
    expects_brace: bool = False
    """Whether the brace of the innermost function is still to come."""
    tested_on: int = 0
    """The line of a test that decides whether the next command runs; 0 without such a test."""
    tested: Guard | None = None
    """That test, or the one at the beginning of `[ … ] && … || …`."""

    def is_inside(self, keyword: str) -> bool:
        if not self.blocks:
            return False
        return self.blocks[-1].keyword == keyword

    def take_pattern(self, command: Command) -> None:
        """Take a pattern of a branch of a `case`; `|` separates several."""
        block = self.blocks[-1]
        if not block.is_pattern:
            block.earlier += block.patterns
            block.patterns = []
        block.patterns.append(command.words[0])
        block.is_pattern = command.end == "|"

    def take(self, command: Command, following: Command | None) -> None:
        """Take the next command, which may begin or end a block."""
        words = [*command.words]
        if _declares_function(command, following):
            self._open_function(literal(words[0]), command.line)
            return
        while words and self._keyword(words, command.line):
            pass
        rest = replace(command, words=tuple(words))
        if words:
            step = Step(
                command=rest,
                branch=self._branch(),
                guards=self._guards(),
                cases=self._cases(),
                loops=self._loops(),
            )
            self._add(step)
            if self.blocks and self.blocks[-1].is_test:
                self.blocks[-1].tests[-1].commands.append(rest)
        is_tested = _is_test(words, command.end)
        self.tested_on = command.line if is_tested else 0
        if is_tested:
            self.tested = Guard(Test([rest]), expected=command.end == "&&")
        elif self.tested and command.end == "||":
            self.tested = Guard(self.tested.test, expected=False)
        else:
            self.tested = None

    def _guards(self) -> tuple[Guard, ...]:
        """The tests that decide whether the next command runs."""
        guards = []
        for block in self.blocks:
            if block.keyword == "if" and not block.is_test:
                guards += block.guards()
        if self.tested:
            guards.append(self.tested)
        return tuple(guards)

    def _inner_blocks(self) -> list[_Block]:
        """The blocks around the next command, up to that of its function."""
        inner: list[_Block] = []
        for block in self.blocks:
            inner.append(block)
            if block.keyword == "function":
                inner = []
        return inner

    def _cases(self) -> tuple[Case, ...]:
        cases = []
        for block in self._inner_blocks():
            if block.subject and block.patterns:
                patterns = tuple(block.patterns)
                cases.append(Case(block.subject, patterns, tuple(block.earlier)))
        return tuple(cases)

    def _loops(self) -> tuple[Loop, ...]:
        loops = [block.loop for block in self._inner_blocks()]
        return tuple(loop for loop in loops if loop)

    def _add(self, step: Step) -> None:
        if self.functions:
            function = self.functions[-1]
            self.flow.functions[function].append(step)
        else:
            self.flow.steps.append(step)

    def _branch(self) -> int:
        if self.tested_on:
            return self.tested_on
        for block in reversed(self.blocks):
            if block.keyword in _BRANCHES:
                return block.line
        return 0

    def _keyword(self, words: list[Word], line: int) -> bool:
        """Remove a keyword from the beginning of a command; False if there is none."""
        word = literal(words[0])
        if word == "function" and len(words) > 1:
            name = literal(words[1]).removesuffix("()")
            self._open_function(name, line)
            del words[:2]
        elif word == "{":
            self._open_brace(line)
            del words[0]
        elif word in _OPENING:
            self.blocks.append(_opened(word, words[1:], line))
            del words[: len(words) if word in _HEADS else 1]
        elif word in _CLOSING:
            self._close(_CLOSING[word])
            del words[0]
        elif word in _OTHER_KEYWORDS:
            self._continue_if(word)
            del words[0]
        else:
            return False
        return True

    def _continue_if(self, word: str) -> None:
        """Note which part of an `if` follows a keyword."""
        if not any(self.is_inside(keyword) for keyword in _WITH_TESTS):
            return
        block = self.blocks[-1]
        if word == "!" and block.is_test:
            block.tests[-1].is_negated = True
        elif word == "elif":
            block.begin_test()
        elif word in ("then", "do"):
            block.is_test = False
        elif word == "else":
            block.is_else = True

    def _open_function(self, name: str, line: int) -> None:
        self.blocks.append(_Block("function", line))
        self.functions.append(name)
        self.flow.functions[name] = []
        self.expects_brace = True

    def _open_brace(self, line: int) -> None:
        if not self.expects_brace:
            self.blocks.append(_Block("{", line))
        self.expects_brace = False

    def _close(self, keywords: set[str]) -> None:
        if not any(self.is_inside(keyword) for keyword in keywords):
            return
        block = self.blocks.pop()
        if block.keyword == "function":
            self.functions.pop()


def _opened(keyword: str, head: Sequence[Word], line: int) -> _Block:
    """The block that a keyword opens.

    Args:
        keyword: Such as `if`.
        head: The words after it, of which a `case` and a `for` make use.
        line: Its line.
    """
    block = _Block(keyword, line)
    if keyword in _WITH_TESTS:
        block.begin_test()
    if keyword == "case" and head:
        block.subject = head[0]
    if keyword in _LOOPS:
        test = block.tests[0] if block.tests else Test()
        block.loop = Loop(keyword, tuple(head), test)
    return block


def _declares_function(command: Command, following: Command | None) -> bool:
    """Whether a command is the `start` of `start() {`."""
    opens_parenthesis = len(command.words) == 1 and command.end == "("
    if not opens_parenthesis or following is None:
        return False
    return literal(following.words[0]) == "{"


def _is_test(words: Sequence[Word], end: str) -> bool:
    """Whether a command is a test that decides about the next one: `[ -n "$A" ] && …`."""
    if not words or end not in ("&&", "||"):
        return False
    return literal(words[0]) in _TESTS


def _is_pattern(commands: Sequence[Command]) -> bool:
    """Whether a branch of a `case` begins: `a)`, `a|b)`."""
    for command in commands:
        if len(command.words) != 1:
            return False
        if command.end != "|":
            return command.end == ")"
    return False
