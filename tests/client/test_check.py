"""Invalid requests are refused before they are sent. The finding names the option and the setting."""

from __future__ import annotations

from typing import Any

import pytest

from client.body import question, raw
from client.check import check_request
from client.request import refusal_text
from models.engines.parameters import Parameters
from models.engines.releases import DEFAULT_VERSION, release
from models.engines.requests import Kind, Request
from models.service.resolved import ResolvedService
from tests.client.conftest import LORA, PICTURES, PLAIN, service_of

SERVICE = service_of()
MULTI_STEP = service_of(numSchedulerSteps=8)
SPECULATIVE = service_of("speculative: {kind: ngram, tokens: 5, promptLookupMax: 4}\n")


def chat(service: ResolvedService = SERVICE, kind: Kind = Kind.CHAT, **given: Any) -> list[str]:
    """The ids of what is found in a question with these options."""
    return [finding.rule for finding in check_request(question(kind, service, "hello", given), service)]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_tokens": 1},
        {"top_p": 1, "top_k": -1, "temperature": 0},
        {"top_p": 1e-9, "top_k": 1},
        {"presence_penalty": -2, "frequency_penalty": 2.0},
        {"n": 10},
        {"n": 2, "best_of": 2, "stream": True},
        {"n": 2, "top_k": 1},  # vLLM takes it; the manual's "top_k > 1" is advice
        {"stop": "你"},
        {"stop": ["你", "好"]},
        {"use_beam_search": True, "n": 2, "temperature": 0},
        {"use_beam_search": True, "n": 2, "best_of": 2, "temperature": 0, "length_penalty": 2},
        {"guided_json": {"type": "object"}},
        {"guided_json": '{"type": "object"}'},
        {"ignore_eos": True, "stream": True},
    ],
)
def test_a_request_of_the_manual_has_no_findings(given: dict[str, Any]) -> None:
    assert chat(**given) == []
    assert chat(kind=Kind.COMPLETE, **given) == []


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        ({"max_tokens": 0}, ["bad-value"]),
        ({"max_tokens": "100"}, ["bad-value"]),
        ({"max_tokens": True}, ["bad-value"]),
        ({"top_p": 0}, ["bad-value"]),
        ({"top_p": 1.01}, ["bad-value"]),
        ({"top_p": "1"}, ["bad-value"]),
        ({"top_k": -2}, ["bad-value"]),
        ({"top_k": 0}, ["bad-value"]),
        ({"temperature": float("inf")}, ["bad-value"]),
        ({"length_penalty": float("nan")}, ["bad-value"]),
        ({"top_k": 1.5}, ["bad-value"]),
        ({"temperature": -0.1}, ["bad-value"]),
        ({"presence_penalty": 2.1}, ["bad-value"]),
        ({"frequency_penalty": -2.1}, ["bad-value"]),
        ({"n": 0}, ["bad-value"]),
        ({"stop": ""}, ["bad-value"]),
        ({"stop": ["a", ""]}, ["bad-value"]),
        ({"stop": 5}, ["bad-value"]),
        ({"ignore_eos": "yes"}, ["bad-value"]),
        ({"stream": 1}, ["bad-value"]),
        ({"guided_json": 5}, ["bad-value"]),
        ({"top_p": 2, "top_k": -2}, ["bad-value", "bad-value"]),
        ({"n": 2, "temperature": 0}, ["greedy-answers"]),
        ({"best_of": 2, "temperature": 1e-6}, ["greedy-answers"]),
        ({"n": 3, "best_of": 2}, ["best-of-below-n"]),
        ({"best_of": 2, "stream": True}, ["stream-best-of"]),
        ({"use_beam_search": True, "temperature": 0}, ["beam-search"]),
        ({"use_beam_search": True, "n": 2}, ["beam-search"]),
        ({"use_beam_search": True, "n": 2, "temperature": 0, "top_p": 0.5}, ["beam-search"]),
        ({"use_beam_search": True, "n": 2, "temperature": 0, "top_k": 5}, ["beam-search"]),
        ({"use_beam_search": True, "n": 11, "temperature": 0}, ["beam-width"]),
        ({"length_penalty": 2}, ["length-penalty"]),
        ({"length_penalty": 2, "use_beam_search": True, "n": 2, "temperature": 0}, ["length-penalty"]),
        ({"guided_json": "{"}, ["guided-schema"]),
        ({"guided_json": "[]"}, ["guided-schema"]),
        ({"max_tokens": 4096}, ["too-long"]),
        ({"model": "qwen2"}, ["model-not-served"]),
        ({"foo": 1}, ["unknown-field"]),
        ({"max_completion_tokens": 5}, ["unknown-field"]),
    ],
)
def test_a_request_that_the_server_refuses_is_an_error(given: dict[str, Any], rules: list[str]) -> None:
    assert chat(**given) == rules


def test_a_request_as_long_as_the_service_allows_is_sent() -> None:
    assert chat(max_tokens=4095) == []
    ids = raw(Kind.COMPLETE, SERVICE, '{"prompt": [1, 2, 3], "max_tokens": 4094}', {}, "body.json")
    assert [finding.message for finding in check_request(ids, SERVICE)] == [
        "3 prompt tokens and max_tokens 4094 exceed maxModelLen 4096"
    ]


@pytest.mark.parametrize(
    ("service", "kind", "given", "rule", "field"),
    [
        (MULTI_STEP, Kind.CHAT, {"guided_json": {}}, None, ""),
        (MULTI_STEP, Kind.CHAT, {"guided_json": {"a": 1}}, "multi-step-logits", "engine.numSchedulerSteps"),
        (MULTI_STEP, Kind.CHAT, {"guided_choice": ["a"]}, "multi-step-logits", "engine.numSchedulerSteps"),
        (MULTI_STEP, Kind.CHAT, {"logit_bias": {"1": 1}}, "multi-step-logits", "engine.numSchedulerSteps"),
        (
            MULTI_STEP,
            Kind.CHAT,
            {"response_format": {"type": "json_object"}},
            "multi-step-logits",
            "engine.numSchedulerSteps",
        ),
        (MULTI_STEP, Kind.CHAT, {"response_format": {"type": "json_schema", "json_schema": {}}}, None, ""),
        (MULTI_STEP, Kind.CHAT, {"n": 2}, "several-tokens-one-answer", "engine.numSchedulerSteps"),
        (MULTI_STEP, Kind.CHAT, {"best_of": 2}, "several-tokens-one-answer", "engine.numSchedulerSteps"),
        (MULTI_STEP, Kind.CHAT, {"n": 2, "use_beam_search": True, "temperature": 0}, None, ""),
        (
            MULTI_STEP,
            Kind.COMPLETE,
            {"prompt_logprobs": 1},
            "multi-step-prompt-logprobs",
            "engine.numSchedulerSteps",
        ),
        (SPECULATIVE, Kind.CHAT, {"n": 2}, "several-tokens-one-answer", "speculative.tokens"),
        (SPECULATIVE, Kind.CHAT, {"guided_json": {"a": 1}}, None, ""),
        (service_of(LORA), Kind.CHAT, {"model": "french"}, None, ""),
        (
            service_of(LORA),
            Kind.CHAT,
            {"model": "french", "use_beam_search": True, "n": 2, "temperature": 0},
            "beam-search-forgets",
            "",
        ),
        (service_of(LORA), Kind.CHAT, {"model": "frenhc"}, "model-not-served", "engine.servedModelName"),
        (service_of(PLAIN), Kind.CHAT, {}, "other-server", "server.kind"),
        (SERVICE, Kind.GENERATE, {}, "other-server", "server.kind"),
        (service_of(PLAIN), Kind.GENERATE, {"presence_penalty": 2, "temperature": 0}, None, ""),
        (service_of(PLAIN), Kind.GENERATE, {"guided_json": {}}, "unknown-field", "server.kind"),
        (service_of(PLAIN), Kind.GENERATE, {"model": "qwen"}, "unknown-field", "server.kind"),
        (service_of(PLAIN), Kind.GENERATE, {"temperature": None}, "bad-value", ""),
        (service_of(PLAIN), Kind.GENERATE, {"best_of": 2, "stream": True}, None, ""),
    ],
)
def test_a_request_that_the_service_does_not_support_names_the_setting(
    service: ResolvedService, kind: Kind, given: dict[str, Any], rule: str | None, field: str
) -> None:
    found = check_request(question(kind, service, "hello", given), service)

    assert [finding.rule for finding in found] == ([rule] if rule else [])
    assert not field or found[0].marks[-1].field == field


def test_beam_search_on_the_plain_server_is_a_warning() -> None:
    body = """{"prompt": "hello", "max_tokens": 100, "top_p": 1, "temperature": 0, "ignore_eos": false, "top_k": -1,
               "use_beam_search": true, "best_of": 2, "length_penalty": 2}"""
    service = service_of(PLAIN)
    found = check_request(raw(Kind.GENERATE, service, body, {}, "body.json"), service)

    assert [(finding.rule, finding.severity) for finding in found] == [("plain-beam-search", "warning")]


def test_the_other_requests_of_the_manual_have_no_findings() -> None:
    chat_body = """{"model": "qwen", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100,
                    "top_k": -1, "top_p": 1, "temperature": 0, "ignore_eos": false, "stream": false}"""
    plain_body = '{"prompt": "hello", "max_tokens": 100, "temperature": 0, "ignore_eos": false, "presence_penalty": 2}'

    assert check_request(raw(Kind.CHAT, SERVICE, chat_body, {}, "b"), SERVICE) == ()
    assert check_request(raw(Kind.GENERATE, service_of(PLAIN), plain_body, {}, "b"), service_of(PLAIN)) == ()


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("{}", ["missing-field"]),
        ('{"messages": []}', ["missing-field"]),
        ('{"messages": "hello", "n": null, "temperature": null}', []),  # the server's own words say what is wrong
        ('{"messages": [{"content": [{"type": "image_url", "image_url": "x"}]}]}', ["picture-count"]),
        ('{"messages": [{"content": "a"}], "use_beam_search": true, "n": 2}', ["beam-search"]),  # 0.7 when left out
        ('{"messages": [{"content": "a"}], "max_tokens": null}', []),
        ('{"messages": [{"content": "a"}], "top_k": null}', ["bad-value"]),
        ('{"messages": [{"content": "a"}], "model": ["qwen"]}', ["model-not-served"]),
        ('{"messages": [{"content": "a"}], "prompt": "a"}', ["unknown-field"]),
    ],
)
def test_a_raw_body_is_checked_with_the_defaults_of_the_server(body: str, rules: list[str]) -> None:
    found = check_request(raw(Kind.CHAT, SERVICE, body, {}, "body.json"), SERVICE)

    assert [finding.rule for finding in found] == rules


def test_a_service_reads_pictures_up_to_its_limit() -> None:
    several = service_of(PICTURES)

    def rules(service: ResolvedService, count: int) -> list[str]:
        asked = question(Kind.IMAGE, service, "what?", {}, ["data:image/png;base64,AA=="] * count)
        return [f"{finding.rule}: {finding.message}" for finding in check_request(asked, service)]

    assert rules(SERVICE, 1) == ["picture-count: qwen does not read pictures"]
    assert rules(several, 2) == []
    assert rules(several, 3) == ["picture-count: the request has 3 pictures, but qwen allows 2"]
    assert rules(service_of("multimodal: true\n"), 2) == [
        "picture-count: the request has 2 pictures, but qwen allows 1"
    ]


def test_beam_search_with_a_picture_is_an_error() -> None:
    service = service_of(PICTURES)
    given = {"use_beam_search": True, "n": 2, "temperature": 0}
    found = check_request(question(Kind.IMAGE, service, "what?", given, ["data:image/png;base64,AA=="]), service)

    assert [finding.message for finding in found] == ["beam search ignores the picture"]


def test_a_finding_has_the_form_of_check_and_names_the_option_first() -> None:
    found = check_request(question(Kind.CHAT, MULTI_STEP, "hello", {"n": 2}), MULTI_STEP)

    assert refusal_text(found[0]) == (
        "error[several-tokens-one-answer]: n 2 would stop the engine of qwen and fail all its requests\n"
        "  --> --n\n"
        "  ::: Pulumi.test.yaml:10   qwen · engine.numSchedulerSteps\n"
        "   = why: an engine that generates several tokens in one step asserts that a request has one answer "
        "(vllm/engine/output_processor/multi_step.py:98)\n"
        "   = fix: send 2 requests, or remove engine.numSchedulerSteps"
    )


def test_a_finding_names_the_file_and_path_or_the_option() -> None:
    asked = raw(Kind.CHAT, SERVICE, '{"messages": [{"content": "a"}], "top_p": 3}', {"top_k": -5}, "body.json")

    places = [finding.marks[0].path[0] for finding in check_request(asked, SERVICE)]
    assert places == ["body.json: $.top_p", "--top-k"]


def test_an_unknown_field_suggests_the_most_similar_one() -> None:
    fixes = [finding.fix for finding in check_request(question(Kind.CHAT, SERVICE, "a", {"maxTokens": 5}), SERVICE)]

    assert fixes == ["rename maxTokens to max_tokens"]


def test_every_parameter_is_a_field_of_a_server() -> None:
    known = frozenset().union(*(fields.accepted for fields in release(DEFAULT_VERSION).request_fields.values()))

    assert set(Parameters.model_fields) <= known
    assert isinstance(question(Kind.CHAT, SERVICE, "a", {}), Request)
