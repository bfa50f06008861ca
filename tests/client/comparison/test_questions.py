"""The questions: those that are built in, and the files of teams with every problem in its place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from client.comparison.faults import is_no_text, is_refusal, is_repetition
from client.comparison.questions import BadQuestionsError, built_in, read_file, read_questions
from models.stack_file.texts import disk


def problems(name: str, text: str) -> list[str]:
    with pytest.raises(BadQuestionsError) as refused:
        read_questions(name, text)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_language_has_30_questions_of_8_topics(language: str) -> None:
    questions = built_in(language)
    topics = Counter(question.topic for question in questions)

    assert (len(questions), len({question.id for question in questions})) == (30, 30)
    assert {question.language for question in questions} == {language}
    assert set(topics) == {
        *("reasoning", "code", "facts", "arithmetic", "translation", "format", "tools", "long context"),
    }  # fmt: skip
    assert min(topics.values()) >= 2


def test_both_languages_have_the_same_topics() -> None:
    english, chinese = ([question.topic for question in built_in(language)] for language in ("en", "zh"))

    assert english == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_question_itself_looks_like_a_broken_answer(language: str) -> None:
    for question in built_in(language):
        assert not is_refusal(question.text)
        assert not is_repetition(question.text)
        assert not is_no_text(question.text, question.text)


def test_a_yaml_file_has_a_list_of_questions() -> None:
    first, second = read_questions(
        "q.yaml", "- {id: a, text: Hello}\n- {id: b, text: 你好, maxTokens: 8, topic: greeting}\n"
    )

    assert (first.text, first.topic, first.max_tokens) == ("Hello", "own", 64)
    assert (second.text, second.topic, second.max_tokens) == ("你好", "greeting", 8)


def test_a_jsonl_file_has_a_question_a_line() -> None:
    questions = read_questions("q.jsonl", '{"id": "a", "text": "x"}\n\n{"id": "b", "text": "y", "expect": "1"}\n')

    assert [(question.id, question.expect) for question in questions] == [("a", ""), ("b", "1")]


def test_every_problem_of_a_yaml_file_has_its_line_and_field() -> None:
    text = """\
- id: a
  text: 1
- text: hi
  maxTokens: 0
  colour: red
- id: c
  text: x
  expect: "("
- id: c
  text: y
"""

    assert problems("q.yaml", text) == [
        'q.yaml:2: text: text must be text, not the number 1; write text: "1"',
        "q.yaml:3: id is missing; write id: arithmetic-1 under question 2",
        "q.yaml:4: maxTokens: maxTokens 0 must be at least 1; write maxTokens: 1",
        "q.yaml:5: colour: unknown key 'colour'; remove colour "
        "(known keys: id, text, system, topic, language, maxTokens, expect, jsonAnswer)",
        'q.yaml:8: expect: expect "(": is not a regular expression: missing ), unterminated subpattern at position 0; '
        'write expect: "391"',
    ]


def test_every_problem_of_a_jsonl_file_has_its_line() -> None:
    text = '{"id": "a", "text": "x"}\n{"id": "a", "text": ""}\nnope\n[1]\n{"id": "b", "id": "c", "text": "x"}\n'
    lines = [line.split(": ")[0] for line in problems("q.jsonl", text)]

    assert lines == ["q.jsonl:2", "q.jsonl:3", "q.jsonl:4", "q.jsonl:5"]


def test_an_id_is_used_once() -> None:
    text = "- {id: a, text: x}\n- {id: b, text: x}\n- {id: a, text: y}\n"

    assert problems("q.yaml", text) == ["q.yaml:3: id: 'a' is used in line 1 too"]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("q.yaml", "", "q.yaml:1: it has no questions: write a list of {id: …, text: …}"),
        ("q.jsonl", "\n", "q.jsonl:1: it has no questions: write a list of {id: …, text: …}"),
        ("q.yaml", "id: a\n", "q.yaml:1: it is not a list of questions: write - {id: …, text: …}"),
        ("q.yaml", "- {\n", "q.yaml:2: not YAML: while parsing a flow node, did not find expected node content"),
        ("q.yaml", "- {id: a, text: x, text: y}\n", "q.yaml:1: key 'text' appears twice in one mapping"),
        ("q.jsonl", "[" * 100_000, "q.jsonl:1: it is not a line of JSON"),
    ],
)
def test_a_file_of_another_form_is_refused(name: str, text: str, problem: str) -> None:
    assert problems(name, text)[0].startswith(problem)


def test_a_problem_shows_no_credential() -> None:
    text = "- {id: a, text: x, maxTokens: hf_abcdefghijklmnopqrstuvwxyzabcdefgh}\n"

    assert "hf_abcdefgh" not in "\n".join(problems("q.yaml", text))


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(BadQuestionsError, match="it cannot be read: No such file or directory"):
        read_file(tmp_path / "none.yaml", disk)
