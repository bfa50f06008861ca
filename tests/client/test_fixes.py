"""The fix of a finding about a request is an edit that works when it is applied literally."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from client.check import check_request
from models.engines.requests import Kind, Request
from models.finding import Finding
from models.rules.registry import rules_about
from models.service.resolved import ResolvedService
from tests.conftest import stack_of

SERVICE = {"image": "a:1", "model": "/m/qwen", "engine": {"maxModelLen": 4096, "servedModelName": "qwen"}}
MULTI_STEP = {**SERVICE, "engine": {**SERVICE["engine"], "numSchedulerSteps": 8}}  # type: ignore[dict-item]
PLAIN = {**SERVICE, "server": "api_server"}
LORA = {**SERVICE, "lora": {"adapters": {"french": "/m/french"}}}
PICTURES = {**SERVICE, "multimodal": {"imagesPerPrompt": 2}}
OLDER, NEWER = [{**SERVICE, "image": f"quay.io/ascend/vllm-ascend:v{version}"} for version in ("0.18.0", "0.30.0")]
TOOLS = {**NEWER, "server": {"toolCallParser": "hermes"}}
TOOL = {"type": "function", "function": {"name": "now"}}
SPECULATIVE = {**NEWER, "speculative": {"kind": "ngram", "tokens": 5, "promptLookupMax": 4}}

QUESTION = {"messages": [{"role": "user", "content": "hello"}]}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
BEAMS = {"use_beam_search": True, "n": 2, "temperature": 0}

NOT_AN_EDIT = {
    "beam-search-forgets": "without beam search, the user has to choose n and temperature again",
    "guided-schema": "only the user knows the schema",
    "other-task": "another kind of request is sent by another command",
    "other-server": "another kind of request is sent by another command",
    "plain-beam-search": "the image has to be tried first",
    "structured-outputs": "only the user knows what the answer has to contain",
}
"""Rules whose fix is not an edit of the request or of the stack file, with the reason."""

REFUSED: list[tuple[str, dict[str, Any], Kind, dict[str, Any]]] = [
    # the rule, the service, the kind of request, and its fields
    ("bad-value", SERVICE, Kind.CHAT, {"top_p": 2}),
    ("bad-value", SERVICE, Kind.CHAT, {"top_k": 0}),
    ("bad-value", SERVICE, Kind.CHAT, {"max_tokens": "100"}),
    ("bad-value", SERVICE, Kind.CHAT, {"stop": ""}),
    ("beam-search", SERVICE, Kind.CHAT, {"use_beam_search": True, "top_p": 0.5, "top_k": 5}),
    ("beam-width", SERVICE, Kind.CHAT, {**BEAMS, "n": 11}),
    ("best-of-below-n", SERVICE, Kind.CHAT, {"n": 3, "best_of": 2}),
    ("greedy-answers", SERVICE, Kind.CHAT, {"n": 2, "temperature": 0}),
    ("length-penalty", SERVICE, Kind.CHAT, {**BEAMS, "length_penalty": 2}),
    ("missing-field", SERVICE, Kind.CHAT, {"messages": []}),
    ("missing-field", SERVICE, Kind.COMPLETE, {"prompt": ""}),
    ("model-not-served", LORA, Kind.CHAT, {"model": "frenhc"}),
    ("model-not-served", SERVICE, Kind.CHAT, {"model": "gpt-4"}),
    ("multi-step-logits", MULTI_STEP, Kind.CHAT, {"guided_choice": ["a"]}),
    ("multi-step-prompt-logprobs", MULTI_STEP, Kind.COMPLETE, {"prompt_logprobs": 1}),
    ("picture-count", SERVICE, Kind.IMAGE, {"messages": [{"role": "user", "content": [PICTURE]}]}),
    ("picture-count", PICTURES, Kind.IMAGE, {"messages": [{"role": "user", "content": [PICTURE] * 3}]}),
    ("several-tokens-one-answer", MULTI_STEP, Kind.CHAT, {"n": 2}),
    ("stream-best-of", SERVICE, Kind.CHAT, {"best_of": 2, "stream": True}),
    ("too-long", SERVICE, Kind.CHAT, {"max_tokens": 4096}),
    ("unknown-field", SERVICE, Kind.CHAT, {"maxTokens": 5}),
    ("unknown-field", SERVICE, Kind.CHAT, {"foo": 1}),
    ("unknown-field", PLAIN, Kind.GENERATE, {"guided_json": {}}),
    ("unknown-field", OLDER, Kind.CHAT, {"guided_json": {"type": "object"}}),
    ("unknown-field", NEWER, Kind.CHAT, {"guided_regex": "[0-9]+"}),
    ("unknown-field", NEWER, Kind.CHAT, {"best_of": 3}),
    ("bad-value", NEWER, Kind.CHAT, {"min_p": 2}),
    ("beam-search-stream", OLDER, Kind.COMPLETE, {"use_beam_search": True, "stream": True}),
    ("min-tokens-above-max", NEWER, Kind.CHAT, {"min_tokens": 40}),
    ("one-greedy-answer", OLDER, Kind.CHAT, {"n": 2, "temperature": 0}),
    ("speculation-sampling", SPECULATIVE, Kind.CHAT, {"min_p": 0.1}),
    ("stop-texts", NEWER, Kind.CHAT, {"stop": ["a", "b", "c", "d", "e"]}),
    ("suffix", NEWER, Kind.COMPLETE, {"suffix": "a"}),
    ("temperature-range", NEWER, Kind.CHAT, {"temperature": 3}),
    ("too-long", NEWER, Kind.CHAT, {"max_completion_tokens": 4096}),
    ("tool-parser", NEWER, Kind.CHAT, {"tools": [{"type": "function", "function": {"name": "now"}}]}),
    ("field-type", OLDER, Kind.CHAT, {"seed": "many"}),
    ("field-type", NEWER, Kind.COMPLETE, {"skip_special_tokens": None}),
    ("field-type", NEWER, Kind.CHAT, {"allowed_token_ids": ["a"]}),
    ("stream-options", OLDER, Kind.COMPLETE, {"stream_options": {"include_usage": True}}),
    ("prompt-logprobs", NEWER, Kind.CHAT, {"prompt_logprobs": -2}),
    ("prompt-logprobs", OLDER, Kind.COMPLETE, {"prompt_logprobs": 1, "stream": True}),
    ("top-logprobs", NEWER, Kind.CHAT, {"top_logprobs": 3}),
    ("top-logprobs", OLDER, Kind.CHAT, {"top_logprobs": -2, "logprobs": True}),
    ("logprobs-count", OLDER, Kind.COMPLETE, {"logprobs": -1}),
    ("logprobs-above-limit", NEWER, Kind.CHAT, {"logprobs": True, "top_logprobs": 21}),
    ("truncation-above-length", OLDER, Kind.CHAT, {"truncate_prompt_tokens": 100_000}),
    ("count-above-limit", NEWER, Kind.CHAT, {"n": 16385}),
    ("count-above-limit", NEWER, Kind.COMPLETE, {"prompt": ["a"] * 1025}),
    ("cache-salt", NEWER, Kind.CHAT, {"cache_salt": "team/a"}),
    ("tool-choice", NEWER, Kind.CHAT, {"tool_choice": "auto"}),
    ("tool-choice", TOOLS, Kind.CHAT, {"tools": [TOOL], "tool_choice": "now"}),
    ("tool-choice", TOOLS, Kind.CHAT, {"tools": [TOOL], "tool_choice": {"function": {"name": "then"}}}),
    ("empty-tools", NEWER, Kind.CHAT, {"tools": []}),
    ("final-message", OLDER, Kind.CHAT, {"continue_final_message": True, "add_generation_prompt": True}),
    ("empty-text", OLDER, Kind.COMPLETE, {"cache_salt": ""}),
    ("empty-text", NEWER, Kind.CHAT, {"bad_words": ["a", ""]}),
    ("response-form", NEWER, Kind.CHAT, {"response_format": {"type": "json_schema"}}),
    (
        "outputs-after-end",
        NEWER,
        Kind.CHAT,
        {"structured_outputs": {"choice": ["yes", "no"]}, "ignore_eos": True},
    ),
    ("unused-length-penalty", OLDER, Kind.CHAT, {"length_penalty": 2}),
]

Edit = Callable[[dict[str, Any], dict[str, Any]], None]
"""It changes the fields of a request, or the keys of a service."""

_NOTE = re.compile(r" \(.*\)$")
_ALTERNATIVE = re.compile(r",? or |; ")
_ASSIGNMENT = re.compile(r"(?P<key>[\w.]+)(?:: | to | )(?P<value>\[.*\]|\"[^\"]*\"|[^\s,]+)")
_WRITE = re.compile(r"(?:write|set|add|raise|lower) (?P<assignments>.*)")
_REMOVE = re.compile(r"remove (?P<key>[\w.]+)")
_MOVE = re.compile(r"move (?P<key>\w+) to (?P<field>\w+)\.(?P<name>\w+)")
_RENAME = re.compile(r"rename (?P<key>\w+) to (?P<name>\w+)")


def alternatives(fix: str) -> Iterator[tuple[str, Edit]]:
    """The alternatives of a fix that are edits, each with its text. `it` is the key of the alternative before."""
    key = ""
    for text in _ALTERNATIVE.split(_NOTE.sub("", fix)):
        if match := _RENAME.match(text):
            yield text, rename(match["key"], match["name"])
        elif match := _MOVE.match(text):
            yield text, move(match["key"], match["field"], match["name"])
        elif match := _REMOVE.match(text):
            yield text, remove(key if match["key"] == "it" else match["key"])
        elif match := _WRITE.match(text):
            values = assigned(match["assignments"].removesuffix(" in the stack file"))
            if values:
                key = next(iter(values))
                yield text, write(values)


def assigned(text: str) -> dict[str, Any]:
    """The values by their keys; empty for a text that is not an edit, such as `raise the limit of the server`."""
    whole = _ASSIGNMENT.fullmatch(text)
    parts = [whole] if whole else [_ASSIGNMENT.fullmatch(part) for part in re.split(r", | and ", text)]
    found = [part for part in parts if part]
    if len(found) < len(parts):
        return {}
    return {part["key"]: yaml.safe_load(part["value"]) for part in found}


def rename(key: str, name: str) -> Edit:
    def edit(body: dict[str, Any], service: dict[str, Any]) -> None:
        body[name] = body.pop(key)

    return edit


def move(key: str, field: str, name: str) -> Edit:
    def edit(body: dict[str, Any], service: dict[str, Any]) -> None:
        body.setdefault(field, {})[name] = body.pop(key)

    return edit


def remove(key: str) -> Edit:
    def edit(body: dict[str, Any], service: dict[str, Any]) -> None:
        holder, name = holder_of(key, body, service)
        del holder[name]

    return edit


def write(values: dict[str, Any]) -> Edit:
    def edit(body: dict[str, Any], service: dict[str, Any]) -> None:
        for key, value in values.items():
            holder, name = holder_of(key, body, service)
            holder[name] = value

    return edit


def holder_of(key: str, body: dict[str, Any], service: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The mapping that has a key, and the last part of the key. Keys of the stack file have dots, or are known."""
    if "." not in key and key != "multimodal":
        return body, key
    holder = service
    *above, name = key.split(".")
    for part in above:
        if not isinstance(holder.get(part), dict):
            holder[part] = {}
        holder = holder[part]
    return holder, name


def resolved(service: dict[str, Any]) -> ResolvedService:
    found = stack_of(yaml.safe_dump({"qwen": service}))
    assert found.services, found.findings
    return found.services[0]


def findings(kind: Kind, body: dict[str, Any], service: dict[str, Any]) -> tuple[Finding, ...]:
    return check_request(Request(kind, body), resolved(service))


def request_body(kind: Kind, fields: dict[str, Any]) -> dict[str, Any]:
    question: dict[str, Any] = {"prompt": "hello"}
    if kind in (Kind.CHAT, Kind.IMAGE):
        question = QUESTION
    model = {} if kind is Kind.GENERATE else {"model": "qwen"}
    return {**model, **question, "max_tokens": 16, "temperature": 1.0, **fields}


@pytest.mark.parametrize(("rule", "service", "kind", "fields"), REFUSED)
def test_a_fix_that_is_applied_literally_removes_the_finding_and_adds_no_error(
    rule: str, service: dict[str, Any], kind: Kind, fields: dict[str, Any]
) -> None:
    (finding,) = findings(kind, request_body(kind, fields), service)
    assert finding.rule == rule
    edits = list(alternatives(finding.fix))
    assert edits, f"not an edit: {finding.fix}"
    for text, edit in edits:
        body = json.loads(json.dumps(request_body(kind, fields)))
        edited_service = json.loads(json.dumps(service))
        edit(body, edited_service)
        assert findings(kind, body, edited_service) == (), text


def test_every_rule_about_requests_has_a_fix_that_is_tested() -> None:
    tested = {rule for rule, *_ in REFUSED}
    shapes = {"bad-value"}

    assert tested - shapes | NOT_AN_EDIT.keys() == {entry.id for entry in rules_about("request")}
