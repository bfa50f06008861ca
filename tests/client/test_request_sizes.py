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
