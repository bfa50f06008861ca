"""Generated bodies, judged by each release: a good one has no error, a broken one has the error of its rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.check import check_request
from models.engines.requests import Kind, Request
from models.engines.vllm_ascend.tables import RELEASES
from models.finding import Finding
from tests.client.conftest import service_of_release
from tests.client.generated_bodies import breaches, broken, good_bodies

pytestmark = pytest.mark.slow

KINDS = [Kind.CHAT, Kind.COMPLETE]
SERVICES = {version: service_of_release(version) for version in RELEASES}


def errors(version: str, kind: Kind, body: dict[str, Any]) -> list[Finding]:
    found = check_request(Request(kind, {"model": "qwen", **body}), SERVICES[version])
    return [finding for finding in found if finding.severity == "error"]


def accepted(version: str, kind: Kind) -> frozenset[str]:
    return SERVICES[version].release.request_fields[kind].accepted


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_accepted_values_has_no_error(kind: Kind, version: str) -> None:
    @given(good_bodies(kind, accepted(version, kind)))
    @settings(max_examples=150, deadline=None)
    def has_no_error(body: dict[str, Any]) -> None:
        assert errors(version, kind, body) == []

    has_no_error()


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_breaks_one_rule_has_its_error_only(kind: Kind, version: str) -> None:
    @given(good_bodies(kind, accepted(version, kind)), st.sampled_from(breaches(kind, version)))
    @settings(max_examples=200, deadline=None)
    def has_the_error(body: dict[str, Any], breach: tuple[str, dict[str, Any]]) -> None:
        rule, fields = breach

        assert {finding.rule for finding in errors(version, kind, broken(body, fields))} == {rule}

    has_the_error()


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_field_is_known_exactly_if_the_table_of_the_release_has_it(kind: Kind, version: str) -> None:
    known = accepted(version, kind)
    every = frozenset().union(*(accepted(other, kind) for other in RELEASES))

    for field in every | {"guidedJson", "maxTokens"}:
        found = check_request(Request(kind, {"model": "qwen", field: None}), SERVICES[version])
        is_unknown = any(finding.rule == "unknown-field" for finding in found)
        assert is_unknown == (field not in known), field
