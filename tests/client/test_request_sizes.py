"""Numbers in requests that exceed the limits of a server of vllm-ascend."""

from __future__ import annotations

import json
from typing import Any

import pytest

from client.body import raw
from client.check import check_request
from models.engines.releases import VERSIONS
from models.engines.requests import Kind
from tests.client.conftest import service_of_release

RELEASES = VERSIONS[1:]


def found(release: str, kind: Kind, fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Rule and fix of each finding about a request to a server of a release."""
    service = service_of_release(release)
    start: dict[str, Any] = {"prompt": "hello"}
    if kind is Kind.CHAT:
        start = {"messages": [{"role": "user", "content": "hello"}]}
    request = raw(kind, service, json.dumps({**start, **fields}), {}, "body.json")
    return [(finding.rule, finding.fix) for finding in check_request(request, service)]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("kind", "fields", "fix"),
    [
        (Kind.CHAT, {"logprobs": True, "top_logprobs": 21}, "write top_logprobs: 20"),
        (Kind.CHAT, {"prompt_logprobs": 21}, "write prompt_logprobs: 20"),
        (Kind.COMPLETE, {"logprobs": 40}, "write logprobs: 20"),
        (Kind.COMPLETE, {"prompt_logprobs": -1}, "write prompt_logprobs: 20"),
    ],
)
def test_more_probabilities_than_the_server_allows_are_refused(
    release: str, kind: Kind, fields: dict[str, Any], fix: str
) -> None:
    assert found(release, kind, fields) == [("logprobs-above-limit", fix)]


@pytest.mark.parametrize("release", RELEASES)
def test_as_many_probabilities_as_the_server_allows_are_fine(release: str) -> None:
    assert found(release, Kind.CHAT, {"logprobs": True, "top_logprobs": 20}) == []
    assert found(release, Kind.COMPLETE, {"logprobs": 20}) == []


@pytest.mark.parametrize("release", RELEASES)
def test_a_prompt_cannot_be_shortened_to_more_than_the_longest_request(release: str) -> None:
    longer = {"truncate_prompt_tokens": 100_000}

    assert found(release, Kind.CHAT, longer) == [("truncation-above-length", "remove truncate_prompt_tokens")]
    assert found(release, Kind.CHAT, {"truncate_prompt_tokens": 100}) == []


@pytest.mark.parametrize(("release", "is_limited"), [("0.18.0", False), ("0.23.0", True), ("0.30.0", True)])
def test_the_number_of_answers_has_a_limit_from_0230_on(release: str, is_limited: bool) -> None:
    rules = [rule for rule, _ in found(release, Kind.CHAT, {"n": 16385})]

    assert rules == ["count-above-limit"] * is_limited
    assert found(release, Kind.CHAT, {"n": 16384}) == []


@pytest.mark.parametrize("release", RELEASES)
def test_the_number_of_prompts_has_a_limit_from_0300_on(release: str) -> None:
    fix = 'write env.VLLM_MAX_COMPLETION_PROMPTS: "1025" in the stack file, or send several requests'
    expected = {"0.30.0": [("count-above-limit", fix)]}

    assert found(release, Kind.COMPLETE, {"prompt": ["a"] * 1025}) == expected.get(release, [])
    assert found(release, Kind.COMPLETE, {"prompt": ["a"] * 1024}) == []


def test_a_prompt_of_many_token_numbers_is_one_prompt() -> None:
    assert found("0.30.0", Kind.COMPLETE, {"prompt": [1] * 1025}) == []


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("salt", ["a" * 129, "team/a", "me@home", "a\\b"])
def test_the_salt_of_the_cache_is_short_and_no_path_from_0300_on(release: str, salt: str) -> None:
    expected = {"0.30.0": [("cache-salt", "remove cache_salt")]}

    assert found(release, Kind.CHAT, {"cache_salt": salt}) == expected.get(release, [])
    assert found(release, Kind.CHAT, {"cache_salt": "a" * 128}) == []
