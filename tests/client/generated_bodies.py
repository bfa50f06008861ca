"""Generated bodies of requests: fields that a release accepts, and bodies that break one of its rules."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.engines.requests import Kind

WORDS = st.text(min_size=1, max_size=6).filter(str.strip)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}

OF_EVERY_KIND: dict[str, st.SearchStrategy[Any]] = {
    "frequency_penalty": st.floats(-2, 2),
    "presence_penalty": st.floats(-2, 2),
    "repetition_penalty": st.floats(0.1, 2),
    "top_p": st.floats(0.01, 1),
    "top_k": st.integers(-1, 40),
    "min_p": st.floats(0, 1),
    "seed": st.none() | st.integers(-5, 5),
    "stop": st.none() | WORDS | st.lists(WORDS, max_size=4),
    "stop_token_ids": st.none() | st.lists(st.integers(0, 99), max_size=3),
    "ignore_eos": st.booleans(),
    "skip_special_tokens": st.booleans(),
    "spaces_between_special_tokens": st.booleans(),
    "include_stop_str_in_output": st.booleans(),
    "add_special_tokens": st.booleans(),
    "priority": st.just(0),
    "user": st.none() | WORDS,
    "request_id": st.uuids().map(str),
    "logit_bias": st.none() | st.dictionaries(st.integers(0, 99).map(str), st.floats(-2, 2), max_size=2),
    "return_token_ids": st.none() | st.booleans(),
    "cache_salt": st.none() | st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    "response_format": st.none() | st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
}
"""Values by field that the OpenAI server accepts."""

BY_KIND: dict[Kind, dict[str, st.SearchStrategy[Any]]] = {
    Kind.CHAT: {
        "max_completion_tokens": st.none() | st.integers(4, 8),
        "logprobs": st.just(True),
        "top_logprobs": st.sampled_from([0]),
        "tool_choice": st.just("none"),
        "echo": st.booleans(),
        "parallel_tool_calls": st.none() | st.booleans(),
    },
    Kind.COMPLETE: {"logprobs": st.none() | st.integers(0, 3), "echo": st.none() | st.booleans()},
}

SAMPLED = st.fixed_dictionaries(
    {"temperature": st.floats(0.01, 2), "n": st.integers(1, 3), "max_tokens": st.integers(4, 8)}
)
GREEDY = st.fixed_dictionaries({"temperature": st.just(0), "n": st.just(1), "max_tokens": st.integers(4, 8)})
STREAMED = st.fixed_dictionaries(
    {"stream": st.just(True)}, optional={"stream_options": st.just({"include_usage": True})}
)
WHOLE = st.fixed_dictionaries({}, optional={"stream": st.just(False), "min_tokens": st.integers(0, 4)})
OUTPUTS = st.fixed_dictionaries(
    {"structured_outputs": st.sampled_from([{"json": SCHEMA}, {"regex": "[0-9]+"}, {"choice": ["a", "b"]}])}
)

BREACHES: list[tuple[str, dict[str, Any]]] = [
    # the rule, and the fields that break it
    ("bad-value", {"n": 0}),
    ("bad-value", {"n": "two"}),
    ("bad-value", {"top_p": 0}),
    ("bad-value", {"top_p": 1.5}),
    ("bad-value", {"top_k": -2}),
    ("bad-value", {"min_p": -0.5}),
    ("bad-value", {"temperature": -1, "n": 1}),
    ("bad-value", {"temperature": "hot"}),
    ("bad-value", {"presence_penalty": 2.5}),
    ("bad-value", {"frequency_penalty": -2.5}),
    ("bad-value", {"repetition_penalty": 0}),
    ("bad-value", {"max_tokens": 0, "max_completion_tokens": None}),
    ("bad-value", {"max_tokens": "many", "max_completion_tokens": None}),
    ("bad-value", {"min_tokens": -1}),
    ("bad-value", {"ignore_eos": None}),
    ("bad-value", {"stop": [""]}),
    ("field-type", {"seed": "many"}),
    ("field-type", {"stop_token_ids": "a"}),
    ("field-type", {"logit_bias": [1]}),
    ("field-type", {"priority": "high"}),
    ("field-type", {"skip_special_tokens": None}),
    ("field-type", {"request_id": 7}),
    ("one-greedy-answer", {"temperature": 0, "n": 2, "use_beam_search": False}),
    ("structured-outputs", {"structured_outputs": {"json": SCHEMA, "regex": "a"}}),
    ("structured-outputs", {"structured_outputs": {}}),
    ("stream-options", {"stream_options": {"include_usage": True}, "stream": False}),
    ("prompt-logprobs", {"prompt_logprobs": -2}),
    ("prompt-logprobs", {"prompt_logprobs": 1, "stream": True}),
    ("min-tokens-above-max", {"min_tokens": 9, "max_tokens": 8, "max_completion_tokens": None}),
    ("too-long", {"max_tokens": 10**6, "max_completion_tokens": None}),
    ("empty-text", {"cache_salt": ""}),
    ("response-form", {"response_format": {"type": "json_schema"}}),
    ("response-form", {"response_format": {"type": "yaml"}}),
    ("field-type", {"stream_options": "usage", "stream": True}),
    ("field-type", {"truncate_prompt_tokens": "all"}),
]
"""What every current release refuses in both kinds of requests. `echo` of the base bodies breaks none."""

BREACHES_BY_KIND: dict[Kind, list[tuple[str, dict[str, Any]]]] = {
    Kind.CHAT: [
        ("top-logprobs", {"top_logprobs": 2, "logprobs": False}),
        ("top-logprobs", {"top_logprobs": -2, "logprobs": True}),
        ("tool-choice", {"tool_choice": "auto"}),
        ("field-type", {"reasoning_effort": "much"}),
        ("field-type", {"tools": "now", "tool_choice": "none"}),
        ("tool-parser", {"tools": [TOOL], "tool_choice": "auto"}),
        ("final-message", {"continue_final_message": True, "add_generation_prompt": True}),
    ],
    Kind.COMPLETE: [
        ("logprobs-count", {"logprobs": -2}),
        ("suffix", {"suffix": "end"}),
        ("beam-search-stream", {"use_beam_search": True, "stream": True}),
    ],
}

BREACHES_BY_RELEASE: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "0.18.0": [],
    "0.23.0": [],
    "0.30.0": [
        ("temperature-range", {"temperature": 2.5}),
        ("stop-texts", {"stop": ["a", "b", "c", "d", "e"]}),
    ],
}


def question(kind: Kind) -> dict[str, Any]:
    if kind is Kind.CHAT:
        return {"messages": [{"role": "user", "content": "hello"}]}
    return {"prompt": "hello"}


def good_bodies(kind: Kind, accepted: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that a release accepts, of the fields that it has."""
    further = {name: value for name, value in {**OF_EVERY_KIND, **BY_KIND[kind]}.items() if name in accepted}
    fields = st.fixed_dictionaries({}, optional=further)
    parts = st.tuples(fields, SAMPLED | GREEDY, STREAMED | WHOLE, st.just({}) | OUTPUTS)
    return parts.map(lambda found: consistent({**question(kind), **found[0], **found[1], **found[2], **found[3]}))


def consistent(body: dict[str, Any]) -> dict[str, Any]:
    """A body without fields that exclude each other although each is accepted.

    An answer of a given form ends when the form is complete, so that no token may have to follow.
    """
    if "structured_outputs" in body or body.get("response_format"):
        for field in ("ignore_eos", "min_tokens", "stop_token_ids", "logit_bias"):
            body.pop(field, None)
    if "structured_outputs" in body:
        body.pop("response_format", None)
    return body


def breaches(kind: Kind, version: str) -> list[tuple[str, dict[str, Any]]]:
    """The rule and the fields that break it, for a release."""
    return [*BREACHES, *BREACHES_BY_KIND[kind], *BREACHES_BY_RELEASE[version]]


def broken(body: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """A good body with fields that break one rule."""
    whole = {
        name: value for name, value in body.items() if name not in ("stream_options", "structured_outputs", "stop")
    }
    return {**whole, **fields}


def generated(strategy: st.SearchStrategy[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Always the same bodies of a strategy."""
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(strategy)
    def collect(body: dict[str, Any]) -> None:
        found.append(body)

    collect()
    return found
