"""The verdict: right for each way of being broken, and for equal servers wrong no more often than stated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from client.comparison.asking import Triple
from client.comparison.chance import seeded
from client.comparison.questions import Question, built_in
from client.comparison.reply import Reply
from client.comparison.speed import Round
from client.comparison.verdict import Evidence, NotComparableError, Verdict, judge
from models.engines.requests import Kind
from models.stack_file.keys.comparison import Compare
from tests.client.comparison.model_server import Model

pytestmark = pytest.mark.slow

PAIRS = 60
"""Pairs of equal servers. With an error probability of 0.05, seven or more false alarms have a probability of 0.03."""


@cache
def questions() -> tuple[Question, ...]:
    return (*built_in("en"), *built_in("zh"))


def triples(a: Model, b: Model, most_tokens: int = 4096) -> list[Triple]:
    answered = []
    for question in questions():
        asked = question.model_copy(update={"max_tokens": min(question.max_tokens, most_tokens)})
        answered.append(Triple(question, a.reply(asked), a.reply(asked), b.reply(asked)))
    return answered


def verdict(a: Model, b: Model, limits: Compare | None = None) -> Verdict:
    return judge(Evidence(Kind.CHAT, triples(a, b)), limits or Compare())


def reasons(found: Verdict) -> list[str]:
    return [reason.name for reason in found.reasons]


def rounds(slowdown: float, noise: float, seed: int, count: int = 12) -> list[Round]:
    """The times of rounds with noise, in which B is slower."""
    chance = seeded(seed)

    def times(factor: float) -> dict[str, float]:
        return {
            name: seconds * factor * chance.lognormvariate(0, noise)
            for name, seconds in {"ttft": 0.2, "tpot": 0.02, "throughput": 0.005}.items()
        }

    return [Round(times(1), times(1), times(1 + slowdown)) for _ in range(count)]


def verdict_of_times(found: Sequence[Round], limits: Compare | None = None) -> Verdict:
    same = [Triple(question, Reply(text="a"), Reply(text="a"), Reply(text="a")) for question in questions()]
    return judge(Evidence(Kind.CHAT, same, found), limits or Compare())


def test_an_equal_server_is_promoted() -> None:
    found = verdict(Model(), Model())

    assert (found.word, found.reasons, found.notes) == ("promote", (), ())
    assert [measure.aspect.name for measure in found.measures] == [
        *("equal", "logprobs", "length", "wrong", "refusals", "repetitions", "no-text"),
    ]


def test_another_number_format_is_promoted() -> None:
    """Its noise is small, and changes answers only after near ties."""
    found = verdict(Model(), Model(noise=0.03))

    assert found.word == "promote"
    assert found.measures[1].effect > 0


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        (Model(weights=2), {"equal", "logprobs"}),
        (Model(noise=1.0), {"equal", "logprobs"}),
        (Model(template="{}"), {"prompts", "equal", "logprobs"}),
        (Model(template="<USER>{}<ASSISTANT>"), {"equal", "logprobs"}),
        (Model(fault="refuses", share=0.2), {"refusals"}),
        (Model(fault="loops", share=0.2), {"repetitions"}),
        (Model(fault="garbage", share=0.2), {"no-text"}),
        (Model(fault="empty", share=0.2), {"no-text"}),
        (Model(fault="fails", share=0.05), {"answers"}),
    ],
    ids=["weights", "noise", "no template", "other template", "refusals", "loops", "garbage", "empty", "errors"],
)
def test_a_broken_server_is_held_with_its_reason(broken: Model, names: set[str]) -> None:
    found = verdict(Model(), broken)

    assert found.word == "hold"
    assert names <= set(reasons(found))


def test_wrong_answers_hold_a_server_even_if_answers_may_differ() -> None:
    limits = Compare(min_equal=0, max_logprob_distance=10, max_length_change=100, same_prompts=False)
    right = [Question(id=str(number), text=f"{number}?", expect="yes") for number in range(20)]
    found = [
        Triple(question, Reply(text="yes"), Reply(text="yes!"), Reply(text="no" if index < 6 else "yes, sir"))
        for index, question in enumerate(right)
    ]

    assert reasons(judge(Evidence(Kind.CHAT, found), limits)) == ["wrong"]
    assert reasons(judge(Evidence(Kind.CHAT, found), Compare(**{**limits.model_dump(), "max_worse": 0.4}))) == []


def test_faults_that_both_servers_have_are_no_reason() -> None:
    assert verdict(Model(fault="loops", share=0.2), Model(fault="loops", share=0.2)).word == "promote"


def test_without_logprobs_equality_decides() -> None:
    found = verdict(Model(logprobs=False), Model(logprobs=False, weights=2))

    assert reasons(found) == ["equal"]
    assert "without logprobs, every other answer counts, even after a near tie" in found.notes


def test_a_limit_of_the_stack_file_decides() -> None:
    slow = rounds(slowdown=0.2, noise=0.02, seed=1)

    assert reasons(verdict_of_times(slow)) == ["ttft", "tpot", "throughput"]
    assert reasons(verdict_of_times(slow, Compare(max_slowdown=0.3))) == []


def test_questions_that_a_does_not_answer_are_left_out_and_named() -> None:
    found = triples(Model(), Model())
    found[0] = Triple(found[0].question, Reply(error="400: too long"), Reply(), Reply())
    result = judge(Evidence(Kind.CHAT, found), Compare())

    assert result.word == "promote"
    assert result.notes == ("1 question left out, because A does not answer; en-reasoning-1: 400: too long",)


def test_too_few_answers_of_a_are_no_verdict() -> None:
    found = [Triple(question, Reply(error="500: broken"), Reply(), Reply()) for question in questions()]

    with pytest.raises(NotComparableError, match="A answers 0 of 60 questions, and a verdict needs 5; en-reasoning-1"):
        judge(Evidence(Kind.CHAT, found), Compare())


def test_a_server_that_answers_nothing_is_held() -> None:
    found = [Triple(question, Reply(text="a"), Reply(text="a"), Reply(error="500")) for question in questions()]

    assert reasons(judge(Evidence(Kind.CHAT, found), Compare())) == ["answers"]


def test_rotated_vectors_are_held_and_equal_ones_promoted() -> None:
    def found(b: Model) -> Verdict:
        a = Model(noise=0.001)
        answers = []
        for question in questions():
            numbers = [tuple(model.vector(question.text)) for model in (a, a, b)]
            answers.append(Triple(question, *(Reply(numbers=vector) for vector in numbers)))
        return judge(Evidence(Kind.EMBED, answers), Compare())

    assert found(Model(noise=0.001, seed=2)).word == "promote"
    assert reasons(found(Model(fault="rotated"))) == ["cosine"]


def test_noise_that_hides_a_slowdown_is_a_note() -> None:
    found = verdict_of_times(rounds(slowdown=0.05, noise=0.3, seed=3))

    assert found.word == "promote"
    assert any("the noise does not exclude" in note for note in found.notes)


@pytest.mark.slow
def test_equal_servers_with_noise_are_held_no_more_often_than_stated() -> None:
    """Both servers have the noise of batches. Every measure is judged, with times whose noise is 10 %."""
    held = []
    for seed in range(PAIRS):
        found = triples(Model(noise=0.1, seed=seed), Model(noise=0.1, seed=1000 + seed), most_tokens=8)
        times = rounds(slowdown=0, noise=0.1, seed=seed)
        held.append(judge(Evidence(Kind.CHAT, found, times), Compare()).word == "hold")

    assert sum(held) <= 6


@pytest.mark.slow
def test_without_limits_of_size_the_error_probability_alone_keeps_false_alarms_rare() -> None:
    """All limits are 0, so the slightest difference that is not noise holds a server."""
    limits = Compare(
        min_equal=1, max_logprob_distance=0, max_worse=0, max_length_change=0, max_slowdown=0, error_probability=0.05
    )
    held = []
    for seed in range(PAIRS):
        found = triples(Model(noise=0.3, seed=seed), Model(noise=0.3, seed=1000 + seed), most_tokens=8)
        times = rounds(slowdown=0, noise=0.1, seed=seed)
        held.append(judge(Evidence(Kind.CHAT, found, times), limits).word == "hold")

    assert sum(held) <= 6


@pytest.mark.slow
def test_a_server_that_is_slower_by_20_percent_is_found_in_spite_of_noise() -> None:
    found = [verdict_of_times(rounds(slowdown=0.2, noise=0.05, seed=seed)).word == "hold" for seed in range(PAIRS)]

    assert sum(found) >= 0.95 * PAIRS


@pytest.mark.slow
def test_a_server_that_is_slower_by_just_the_limit_is_held_no_more_often_than_stated() -> None:
    found = [verdict_of_times(rounds(slowdown=0.1, noise=0.1, seed=seed)).word == "hold" for seed in range(PAIRS)]

    assert sum(found) <= 6
