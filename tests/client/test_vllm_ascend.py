"""Requests to releases of vllm-ascend: what is refused, what has no effect, and that nothing else is."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from client.body import question, raw
from client.check import check_request
from client.http import linked, post
from client.smoke import Check, smoke
from models.engines.releases import VERSIONS
from models.engines.requests import Kind, Request
from models.finding import Finding
from models.service.resolved import ResolvedService
from tests.client.conftest import KEY, LORA, PLAIN, service_of_release
from tests.client.vllm_ascend_server import serving_release

pytestmark = pytest.mark.slow

RELEASES = VERSIONS[1:]
SERVICES = {version: service_of_release(version) for version in RELEASES}
SPECULATIVE = "speculative: {kind: ngram, tokens: 5, promptLookupMax: 4}\n"
TOOLS = [{"type": "function", "function": {"name": "now"}}]
SCHEMA = {"type": "object"}


def body_of(kind: Kind, fields: dict[str, Any], service: ResolvedService) -> Request:
    """A request with a whole body, as from --json."""
    start: dict[str, Any] = {"prompt": "hello"}
    if kind is Kind.CHAT:
        start = {"messages": [{"role": "user", "content": "hello"}]}
    return raw(kind, service, json.dumps({**start, **fields}), {}, "body.json")


def found(kind: Kind, fields: dict[str, Any], service: ResolvedService) -> list[tuple[str, str]]:
    """Severity and rule of each finding."""
    return [(finding.severity, finding.rule) for finding in findings(kind, fields, service)]


def findings(kind: Kind, fields: dict[str, Any], service: ResolvedService) -> tuple[Finding, ...]:
    return check_request(body_of(kind, fields, service), service)


ACCEPTED: list[dict[str, Any]] = [
    {},
    {"max_completion_tokens": 5},
    {"structured_outputs": {"json": SCHEMA}},
    {"structured_outputs": {"regex": "[0-9]+"}},
    {"structured_outputs": {"choice": ["yes", "no"]}},
    {"response_format": {"type": "json_object"}},
    {"top_k": 0},
    {"top_k": -1},
    {"temperature": 2},
    {"n": 2},
    {"n": 2, "temperature": 0, "use_beam_search": True},
    {"use_beam_search": True},
    {"stop": ["a", "b", "c", "d"]},
    {"min_p": 0.1, "repetition_penalty": 1.2, "logit_bias": {"1": 1}},
    {"priority": 1, "request_id": "a", "bad_words": ["a"], "seed": 1},
    {"tools": TOOLS, "tool_choice": "none"},
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"n": 2, "temperature": 0}, "one-greedy-answer"),
    ({"n": 0}, "bad-value"),
    ({"stop": [""]}, "bad-value"),
    ({"top_k": -2}, "bad-value"),
    ({"top_p": 0}, "bad-value"),
    ({"top_p": 1.1}, "bad-value"),
    ({"min_p": 2}, "bad-value"),
    ({"temperature": -1}, "bad-value"),
    ({"presence_penalty": 3}, "bad-value"),
    ({"frequency_penalty": -3}, "bad-value"),
    ({"repetition_penalty": 0}, "bad-value"),
    ({"max_tokens": 0}, "bad-value"),
    ({"max_completion_tokens": 0}, "bad-value"),
    ({"max_completion_tokens": 4096}, "too-long"),
    ({"max_tokens": 8, "min_tokens": 40}, "min-tokens-above-max"),
    ({"structured_outputs": {"json": SCHEMA, "regex": "a"}}, "structured-outputs"),
    ({"structured_outputs": {}}, "structured-outputs"),
    ({"structured_outputs": {"jsn": SCHEMA}}, "structured-outputs"),
    ({"tools": TOOLS}, "tool-parser"),
    ({"tools": TOOLS, "tool_choice": "required"}, "tool-parser"),
]


def status(request: Request, server_url: str) -> int:
    async def sent() -> int:
        async with linked(server_url, None, timeout=5) as link:
            return (await post(link, request.endpoint.path, request.body)).status

    return asyncio.run(sent())


@pytest.mark.parametrize("version", RELEASES)
def test_a_request_that_the_server_takes_has_no_finding(version: str) -> None:
    service = SERVICES[version]
    with serving_release(version) as server:
        for fields in ACCEPTED:
            request = body_of(Kind.CHAT, fields, service)
            assert (found(Kind.CHAT, fields, service), status(request, server.url)) == ([], 200), fields


@pytest.mark.parametrize("version", RELEASES)
def test_a_request_that_the_server_refuses_is_an_error(version: str) -> None:
    service = SERVICES[version]
    with serving_release(version) as server:
        for fields, rule in REFUSED:
            request = body_of(Kind.CHAT, fields, service)
            expected = ([("error", rule)], 400)
            assert (found(Kind.CHAT, fields, service), status(request, server.url)) == expected, fields


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("field", ["guided_json", "guided_regex", "guided_choice", "guided_grammar"])
def test_a_field_for_guided_decoding_of_063_is_an_error_because_the_server_ignores_it(version: str, field: str) -> None:
    (finding,) = findings(Kind.CHAT, {field: SCHEMA}, SERVICES[version])

    assert (finding.severity, finding.rule) == ("error", "unknown-field")
    assert finding.message == f"/v1/chat/completions ignores {field}: the answer would be any text"
    assert finding.why.startswith(f"vLLM {version} ignores unknown fields without an error (vllm/entrypoints/")
    assert "structured_outputs" in finding.fix


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("fields", [{"foo": 1}, {"best_of": 3}, {"best_of": 1, "n": 2}])
def test_another_unknown_field_has_no_effect(version: str, fields: dict[str, Any]) -> None:
    assert found(Kind.CHAT, fields, SERVICES[version]) == [("no-effect", "unknown-field")]


@pytest.mark.parametrize("version", RELEASES)
def test_a_completion_ignores_the_fields_of_a_chat(version: str) -> None:
    assert found(Kind.COMPLETE, {"max_completion_tokens": 9999}, SERVICES[version]) == [("no-effect", "unknown-field")]


@pytest.mark.parametrize(
    ("version", "fields", "expected"),
    [
        ("0.18.0", {"stop": ["a", "b", "c", "d", "e"]}, []),
        ("0.23.0", {"stop": ["a", "b", "c", "d", "e"]}, []),
        ("0.30.0", {"stop": ["a", "b", "c", "d", "e"]}, [("error", "stop-texts")]),
        ("0.18.0", {"temperature": 3}, []),
        ("0.23.0", {"temperature": 3}, []),
        ("0.30.0", {"temperature": 3}, [("error", "temperature-range")]),
    ],
)
def test_the_limits_of_a_release_come_from_its_data(
    version: str, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert found(Kind.CHAT, fields, SERVICES[version]) == expected


def test_a_variable_raises_the_limit_of_stop_texts() -> None:
    service = service_of_release("0.30.0", "env: {VLLM_MAX_STOP_STRINGS: '8'}\n")

    assert found(Kind.CHAT, {"stop": ["a", "b", "c", "d", "e"]}, service) == []


@pytest.mark.parametrize("version", RELEASES)
def test_completions_have_further_rules(version: str) -> None:
    service = SERVICES[version]
    with serving_release(version) as server:
        for fields, rule in (
            ({"suffix": "a"}, "suffix"),
            ({"use_beam_search": True, "stream": True}, "beam-search-stream"),
        ):
            assert found(Kind.COMPLETE, fields, service) == [("error", rule)]
            assert status(body_of(Kind.COMPLETE, fields, service), server.url) == 400


@pytest.mark.parametrize("version", RELEASES)
def test_the_settings_of_the_service_decide_about_speculation_and_tools(version: str) -> None:
    speculative = service_of_release(version, SPECULATIVE)
    tools = service_of_release(version, "server: {toolCallParser: hermes}\n")

    assert found(Kind.CHAT, {"min_p": 0.1}, speculative) == [("error", "speculation-sampling")]
    assert found(Kind.CHAT, {"logit_bias": {"1": 1}}, speculative) == [("error", "speculation-sampling")]
    assert found(Kind.CHAT, {"n": 2}, speculative) == []
    assert found(Kind.CHAT, {"tools": TOOLS}, tools) == []


@pytest.mark.parametrize("version", RELEASES)
def test_a_truncated_prompt_is_not_too_long(version: str) -> None:
    fields = {"prompt": [100] * 5000, "max_tokens": 8}

    assert found(Kind.COMPLETE, fields, SERVICES[version]) == [("error", "too-long")]
    assert found(Kind.COMPLETE, {**fields, "truncate_prompt_tokens": 100}, SERVICES[version]) == []


@pytest.mark.parametrize("version", RELEASES)
def test_the_option_guided_json_sends_structured_outputs(version: str) -> None:
    request = question(Kind.CHAT, SERVICES[version], "hello", {"guided_json": SCHEMA})

    assert request.body["structured_outputs"] == {"json": SCHEMA}
    assert "guided_json" not in request.body
    assert check_request(request, SERVICES[version]) == ()


def test_a_finding_about_the_schema_names_the_option() -> None:
    service = SERVICES["0.23.0"]
    (finding,) = check_request(question(Kind.CHAT, service, "hello", {"guided_json": "{"}), service)

    assert (finding.rule, finding.marks[0].path) == ("structured-outputs", ("--guided-json",))


def test_a_length_penalty_without_beam_search_has_no_effect() -> None:
    assert found(Kind.CHAT, {"length_penalty": 2}, SERVICES["0.23.0"]) == [("no-effect", "unused-length-penalty")]


@pytest.mark.parametrize("version", ["0.18.0", "0.23.0"])
def test_the_plain_server_has_fields_of_its_own(version: str) -> None:
    service = service_of_release(version, PLAIN)

    assert found(Kind.GENERATE, {"min_p": 0.1}, service) == []
    assert found(Kind.GENERATE, {"foo": 1}, service) == [("error", "unknown-field")]


@pytest.mark.parametrize("version", RELEASES)
def test_no_reason_names_a_line_of_another_release(version: str) -> None:
    wrong = [fields for fields, _ in REFUSED] + [{"guided_json": SCHEMA}, {"model": "other"}]
    for fields in wrong:
        for finding in findings(Kind.CHAT, fields, SERVICES[version]):
            assert "0.6.3" not in finding.why
            assert "manual" not in finding.why
            assert "serving_engine" not in finding.why


def smoked(version: str, service: ResolvedService, **what: Any) -> dict[str, Check]:
    async def ran(url: str) -> dict[str, Check]:
        async with linked(url, what.get("key"), timeout=5) as link:
            return {check.name: check async for check in smoke(link, service)}

    with serving_release(version, **what) as server:
        return asyncio.run(ran(server.url))


@pytest.mark.parametrize("version", RELEASES)
def test_a_healthy_service_passes_every_check(version: str) -> None:
    service = service_of_release(version, LORA + KEY)
    checks = smoked(version, service, adapters=("french",), key="sk-1")

    assert {name: (check.state, check.detail) for name, check in checks.items() if check.state != "passed"} == {}
    assert {"guided json", "n=2", "lora french", "too long → 400"} <= checks.keys()


def test_a_server_that_ignores_the_schema_fails_a_check() -> None:
    checks = smoked("0.23.0", SERVICES["0.23.0"], ends="unguided")

    assert [name for name, check in checks.items() if check.state == "failed"] == ["guided json"]


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize(
    "structured", [{"structured_outputs": {"choice": ["yes", "no"]}}, {"response_format": {"type": "json_object"}}]
)
@pytest.mark.parametrize("field", [{"ignore_eos": True}, {"min_tokens": 5}])
def test_a_structured_answer_that_may_not_end_has_a_warning(
    version: str, structured: dict[str, Any], field: dict[str, Any]
) -> None:
    """A real vLLM 0.23.0 answered both fields with 500 when a choice was complete."""
    fields = {**structured, **field}

    assert found(Kind.CHAT, fields, SERVICES[version]) == [("warning", "outputs-after-end")]
    assert found(Kind.CHAT, field, SERVICES[version]) == []
