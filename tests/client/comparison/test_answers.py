"""What is seen of single answers: faults, and distances between two of them."""

from __future__ import annotations

import math

import pytest

from client.comparison.distances import (
    cosine_distance,
    difference,
    first_difference,
    is_exactly_equal,
    is_normalized_equal,
    length_distance,
    logprob_distance,
    score_distance,
)
from client.comparison.faults import is_no_text, is_refusal, is_repetition, is_wrong
from client.comparison.questions import Question
from client.comparison.reply import Reply, Token

PROSE = (
    "The lighthouse is 31 metres high. It was built in the third stage, after the stones had come by ship from an "
    "island in the west, and it is painted white with a green band."
)


def reply(*tokens: tuple[str, float] | tuple[str, float, dict[str, float]]) -> Reply:
    made = [Token(token[0], token[1], token[2] if len(token) == 3 else {token[0]: token[1]}) for token in tokens]
    return Reply(text="".join(token.text for token in made), tokens=tuple(made))


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but that is not possible.",
        "As an AI language model, I have no opinion.",
        "I cannot assist with this request.",
        "抱歉，我无法回答这个问题。",
        "作为一个人工智能，我不能提供。",
    ],
)
def test_a_refusal_is_recognised(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ["391", "The function cannot return None.", "天空是蓝色的。", PROSE])
def test_an_answer_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "the answer is " * 10,
        PROSE + " and and" * 20,
        "北京是首都。" * 12,
        "!" * 50,
        "1. Paris\n" * 20,
        "no\n\n\n" * 30,
    ],
)
def test_a_loop_is_recognised(text: str) -> None:
    assert is_repetition(text)


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "no no",
        "[2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50]",
        '[{"name": "Anna", "age": 30}, {"name": "Max", "age": 31}, {"name": "Tom", "age": 29}]',
        "def is_even(n):\n    return n % 2 == 0\n\n\ndef is_odd(n):\n    return n % 2 == 1\n",
        "春天来了，天气变暖，花开了。夏天很热，人们去海边游泳。秋天叶子变黄，农民收获粮食。冬天下雪，孩子们堆雪人。",
    ],
)
def test_a_text_is_no_loop(text: str) -> None:
    assert not is_repetition(text)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("", "Hi"),
        (" \n", "Hi"),
        ("a\ufffd\ufffdb", "Hi"),
        ("a\x00b", "Hi"),
        ("\ue000\ue001", "Hi"),
        ("Ответ известен всем", "What is it?"),
        ("答案是三百九十一", "What is 17 times 23?"),
        ("ответ: 是 ответ ответ", "天空是什么颜色？"),
    ],
)
def test_an_answer_that_is_not_text_is_recognised(text: str, question: str) -> None:
    assert is_no_text(text, question)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (PROSE, "Hi"),
        ("x² + λ = 3 µm → ok ✓ 😀", "Hi"),
        ("蓝色", "天空是什么颜色？"),
        ("Blue, 蓝色", "天空是什么颜色？"),
        ("早上好", "Translate into Chinese (中文): Good morning."),
        ("cut in the middle of a character \ufffd", "Hi"),
        ("391", "Hi"),
        ("a\tb\nc", "Hi"),
    ],
)
def test_a_text_is_text(text: str, question: str) -> None:
    assert not is_no_text(text, question)


def test_an_answer_is_wrong_without_what_it_has_to_contain() -> None:
    question = Question(id="a", text="17 * 23?", expect=r"\b391\b")

    assert is_wrong(Reply(text="It is 3910."), question)
    assert not is_wrong(Reply(text="It is 391."), question)
    assert not is_wrong(Reply(text="anything"), Question(id="b", text="Hi"))


@pytest.mark.parametrize("text", ['{"a": 1}', '```json\n{"a": 1}\n```', "Here it is:\n```\n[1]\n```\n"])
def test_an_answer_is_json_with_or_without_a_code_block(text: str) -> None:
    question = Question(id="a", text="JSON?", json_answer=True)

    assert not is_wrong(Reply(text=text), question)


@pytest.mark.parametrize("text", ['{"a": 1', "{'a': 1}", "```json\n{a}\n```", "[1] is the answer", ""])
def test_an_answer_that_is_not_json_is_wrong(text: str) -> None:
    assert is_wrong(Reply(text=text), Question(id="a", text="JSON?", json_answer=True))


def test_white_space_and_forms_of_a_character_are_no_difference() -> None:
    one, two = Reply(text="Ａ  b\n"), Reply(text="A b")

    assert not is_exactly_equal(one, two)
    assert is_normalized_equal(one, two)
    assert difference(one, two) == 0


def test_a_difference_after_a_near_tie_is_none() -> None:
    one = reply(("a", -0.1), (" b", -0.7, {" b": -0.7, " c": -0.9}))
    two = reply(("a", -0.1), (" c", -0.7, {" b": -0.8, " c": -0.7}))

    assert (first_difference(one, two), difference(one, two)) == (1, 0)


def test_a_difference_where_a_server_was_sure_is_one() -> None:
    one = reply(("a", -0.1), (" b", -0.1, {" b": -0.1, " c": -4.0}))
    two = reply(("a", -0.1), (" c", -0.7, {" b": -0.8, " c": -0.7}))

    assert difference(one, two) == 1


def test_without_logprobs_every_difference_counts() -> None:
    assert difference(Reply(text="a"), Reply(text="b")) == 1
    assert logprob_distance(Reply(text="a"), Reply(text="b")) is None


def test_the_distance_of_logprobs_is_the_mean_of_the_same_tokens() -> None:
    one = reply(("a", -0.5), ("b", -1.0))
    two = reply(("a", -0.6), ("b", -1.3))

    assert logprob_distance(one, two) == pytest.approx(0.2)


def test_the_distance_ends_with_the_first_other_token() -> None:
    one = reply(("a", -0.5), ("b", -0.1, {"b": -0.1, "c": -3.1}), ("d", -9.0))
    two = reply(("a", -0.5), ("c", -0.2, {"c": -0.2, "b": -2.1}), ("e", -0.1))

    assert logprob_distance(one, two) == pytest.approx((0 + 2.0 + 2.9) / 3)


def test_a_token_that_is_not_among_the_likely_ones_is_at_least_as_far_as_the_least_likely() -> None:
    one = reply(("b", -0.1, {"b": -0.1}))
    two = reply(("c", -0.2, {"c": -0.2, "d": -6.1}))

    assert logprob_distance(one, two) == pytest.approx((6.0 + 0.0) / 2)


@pytest.mark.parametrize("broken", [math.nan, -9999.0, -math.inf])
def test_an_impossible_logprob_counts_ten_nats(broken: float) -> None:
    assert logprob_distance(reply(("a", -0.5)), reply(("a", broken))) == 10.0


def test_the_distance_of_lengths_does_not_depend_on_which_is_longer() -> None:
    short, long = Reply(text="a" * 9), Reply(text="a" * 19)

    assert length_distance(short, long) == length_distance(long, short) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("one", "two", "distance"),
    [
        ((1.0, 0.0), (2.0, 0.0), 0.0),
        ((1.0, 0.0), (0.0, 1.0), 1.0),
        ((1.0, 0.0), (-1.0, 0.0), 2.0),
        ((1.0, 0.0), (1.0, 0.0, 0.0), 2.0),
        ((1.0, 0.0), (0.0, 0.0), 2.0),
        ((1.0, 0.0), (math.nan, 1.0), 2.0),
    ],
)
def test_the_distance_of_vectors_is_1_less_the_cosine(
    one: tuple[float, ...], two: tuple[float, ...], distance: float
) -> None:
    assert cosine_distance(Reply(numbers=one), Reply(numbers=two)) == pytest.approx(distance)


def test_the_distance_of_scores_is_their_mean_difference() -> None:
    one = Reply(numbers=(0.9, 0.1))

    assert score_distance(one, Reply(numbers=(0.7, 0.2))) == pytest.approx(0.15)
    assert score_distance(one, Reply(numbers=(0.9,))) == 1.0
