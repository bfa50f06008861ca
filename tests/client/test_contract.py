"""A server as strict as vLLM 0.6.3 accepts every request without errors, for any input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.body import question, raw
from client.check import check_request
from models.engines.releases import DEFAULT_VERSION, release
from models.engines.requests import Kind, Request
from models.service.resolved import ResolvedService
from tests.client.conftest import PLAIN, service_of
from tests.client.protocol import SAMPLING, ChatCompletionRequest, CompletionRequest, check_sampling

pytestmark = pytest.mark.slow

SERVICES = {kind: service_of(PLAIN if kind is Kind.GENERATE else "") for kind in Kind}
NUMBERS = st.one_of(st.integers(-3, 25), st.floats(-3, 3), st.sampled_from([0, 1, -1, 2, 1e-6, 0.01, 1.0]))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "max_tokens": st.integers(-1, 5000),
    "temperature": NUMBERS,
    "top_p": NUMBERS,
    "top_k": st.integers(-3, 60),
    "n": st.integers(-1, 12),
    "best_of": st.integers(-1, 12),
    "use_beam_search": st.booleans(),
    "presence_penalty": NUMBERS,
    "frequency_penalty": NUMBERS,
    "length_penalty": NUMBERS,
    "stop": st.one_of(st.text(max_size=2), st.lists(st.text(max_size=2), max_size=2)),
    "ignore_eos": st.booleans(),
    "stream": st.booleans(),
    "guided_json": st.sampled_from([{"type": "object"}, '{"type": "object"}', "{", 5]),
}
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)
ACCEPTED = [fields.accepted for fields in release(DEFAULT_VERSION).request_fields.values()]
FIELDS = sorted(frozenset().union(*ACCEPTED, {"foo"}))


def is_sent(asked: Request, service: ResolvedService) -> bool:
    return all(finding.severity != "error" for finding in check_request(asked, service))


@given(st.sampled_from([Kind.CHAT, Kind.COMPLETE]), st.fixed_dictionaries({}, optional=VALUES))
@settings(max_examples=300, deadline=None)
def test_the_openai_server_accepts_every_request_without_errors(kind: Kind, fields: dict[str, Any]) -> None:
    asked = question(kind, SERVICES[kind], "hello", fields)
    if is_sent(asked, SERVICES[kind]):
        protocol = ChatCompletionRequest if kind is Kind.CHAT else CompletionRequest
        taken = protocol.model_validate(asked.body)
        if not taken.use_beam_search:
            sampling = {key: value for key, value in taken if key in SAMPLING}
            check_sampling(sampling, stream=bool(taken.stream))


@given(st.fixed_dictionaries({}, optional=VALUES))
@settings(max_examples=200, deadline=None)
def test_the_plain_server_accepts_every_request_without_errors(fields: dict[str, Any]) -> None:
    service = SERVICES[Kind.GENERATE]
    asked = question(Kind.GENERATE, service, "hello", fields)
    if not check_request(asked, service):
        check_sampling({key: value for key, value in asked.body.items() if key not in ("prompt", "stream")})


@given(st.sampled_from([*Kind]), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_json_object_can_be_checked(kind: Kind, body: dict[str, Any]) -> None:
    asked = raw(kind, SERVICES[kind], json.dumps(body), {}, "body.json")

    assert all(finding.message and finding.fix for finding in check_request(asked, SERVICES[kind]))
