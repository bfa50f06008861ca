"""The questions: 30 built in for each of two languages, or those of a team's own file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from models.credentials import masked_message
from models.finding import Finding
from models.record import Line, Record
from models.stack_file.parse import parse
from models.stack_file.texts import Read
from models.stack_file.yaml_file import read_yaml

LANGUAGES = ("en", "zh")
"""The languages of the built-in questions."""

MOST_QUESTIONS = 1_000
"""Of a file."""

_BUILT_IN = Path(__file__).parent / "built_in"
_MOST_PROBLEMS = 100
"""Most reported problems of a file."""


def regular_expression(text: str) -> str:
    """A regular expression of Python."""
    try:
        re.compile(text)
    except re.error as problem:
        raise ValueError(f"is not a regular expression: {problem}") from None
    return text


class Question(Record):
    """A question, and what its answer has to contain."""

    id: Line = Field(examples=["arithmetic-1"])
    """Name of the question in reports. Each is used once."""

    text: Annotated[str, Field(min_length=1, max_length=200_000)] = Field(
        examples=["What is 17 times 23?"]
    )
    """The question."""

    system: str = Field(default="", examples=["Answer in one word."])
    """A message of the system before the question."""

    topic: Line = Field(default="own", examples=["arithmetic"])
    """What the question is about."""

    language: Line = Field(default="own", examples=["en"])
    """The language of the question."""

    max_tokens: int = Field(default=64, ge=1, le=4096, examples=[32])
    """Most tokens of the answer."""

    expect: Annotated[str, AfterValidator(regular_expression)] = Field(
        default="", examples=["391"]
    )
    """A regular expression that a right answer contains."""

    json_answer: bool = False
    """Whether a right answer is JSON, with or without a code block around it."""

    @property
    def whole_text(self) -> str:
        """The message of the system and the question."""
        return f"{self.system}\n\n{self.text}".strip()


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file with questions."""

    file: str
    line: int
    field: str
    """The key that is wrong; empty for the question or the file as a whole."""
    message: str

    def __str__(self) -> str:
        """Place and problem in one line."""
        subject = ""
        if self.field:
            subject = f"{self.field}: "
        return f"{self.file}:{self.line}: {subject}{self.message}"


class BadQuestionsError(Exception):
    """A file with questions cannot be used, with all its problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@cache
def built_in(language: str) -> tuple[Question, ...]:
    """The built-in questions of a language."""
    file = _BUILT_IN / f"{language}.yaml"
    return read_questions(file.name, file.read_text(encoding="utf-8"))


def read_file(file: Path, read: Read) -> tuple[Question, ...]:
    """The questions of a file.

    Raises:
        BadQuestionsError: It cannot be read, or something in it is wrong.
    """
    try:
        text = read(file)
    except OSError as problem:
        message = f"it cannot be read: {problem.strerror}"
        raise BadQuestionsError([Problem(str(file), 1, "", message)]) from None
    return read_questions(str(file), text)


def read_questions(name: str, text: str) -> tuple[Question, ...]:
    """The questions of a text: a list of YAML, or with a name in `.jsonl`, one JSON object a line.

    Raises:
        BadQuestionsError: Something in it is wrong.
    """
    if name.endswith(".jsonl"):
        reader = _json_lines(name, text)
    else:
        reader = _yaml_list(name, text)
    if len(reader.items) > MOST_QUESTIONS:
        message = f"it has {len(reader.items)} questions, at most {MOST_QUESTIONS} are allowed"
        reader.report(1, "", message)
        raise BadQuestionsError(reader.problems)
    questions = _questions(reader)
    if not questions and not reader.problems:
        reader.report(1, "", "it has no questions: write a list of {id: …, text: …}")
    if reader.problems:
        in_order = sorted(reader.problems, key=lambda problem: problem.line)
        raise BadQuestionsError(in_order[:_MOST_PROBLEMS])
    return questions


class _Reader:
    """The items of a file, with the lines of their keys, and the problems of the file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[Any] = []
        self.lines: dict[tuple[str, ...], int] = {}
        """The lines by the path: the index of the item, and a key."""
        self.problems: list[Problem] = []

    def report(self, line: int, field: str, message: str) -> None:
        problem = Problem(self.name, line, field, masked_message(message))
        self.problems.append(problem)

    def report_finding(self, finding: Finding) -> None:
        """Report a finding, whose path begins with the index of the item."""
        path = finding.marks[0].path
        message = f"{finding.message}; {finding.fix}"
        self.report(self.line_of(path), ".".join(path[1:]), message)

    def line_of(self, path: tuple[str, ...]) -> int:
        """The line of the longest known part of a path."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def _name_of(index: int) -> str:
    """The name of an item in problems."""
    return f"question {index + 1}"


def _questions(reader: _Reader) -> tuple[Question, ...]:
    questions: list[Question] = []
    lines_of_ids: dict[str, int] = {}
    for index, item in enumerate(reader.items):
        path = (_name_of(index),)
        question, findings = parse(Question, item, path)
        for finding in findings:
            reader.report_finding(finding)
        if question is None:
            continue
        line = reader.line_of((*path, "id"))
        if question.id in lines_of_ids:
            first = lines_of_ids[question.id]
            reader.report(line, "id", f"{question.id!r} is used in line {first} too")
        lines_of_ids.setdefault(question.id, line)
        questions.append(question)
    return tuple(questions)


def _json_lines(name: str, text: str) -> _Reader:
    reader = _Reader(name)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line, object_pairs_hook=_unique_keys)
        except (ValueError, RecursionError) as problem:
            reader.report(number, "", f"it is not a line of JSON: {problem}")
            continue
        reader.lines[(_name_of(len(reader.items)),)] = number
        reader.items.append(item)
    return reader


def _unique_keys(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """A mapping of JSON.

    Raises:
        ValueError: It contains a key twice.
    """
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"it contains the key {json.dumps(key)} twice")
        content[key] = value
    return content


def _yaml_list(name: str, text: str) -> _Reader:
    reader = _Reader(name)
    content = read_yaml(name, text)
    for path, span in content.spans.items():
        if path and path[0].isdecimal():
            name_of_item = _name_of(int(path[0]))
            reader.lines[(name_of_item, *path[1:])] = span.line
    for finding in content.findings:
        line = 1
        if finding.span:
            line = finding.span.line
        reader.report(line, "", finding.message)
    if isinstance(content.value, list):
        reader.items = content.value
    elif not reader.problems and content.value is not None:
        reader.report(1, "", "it is not a list of questions: write - {id: …, text: …}")
    return reader
