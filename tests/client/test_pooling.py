"""Requests to models that embed texts or score documents, and the smoke test of such a service."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from client.body import pooling, question
from client.check import check_request
from client.http import linked
from client.numbers import scores, vectors
from client.smoke import Check, smoke
from models.engines.releases import VERSIONS
from models.engines.requests import Kind
from models.service.resolved import ResolvedService
from tests.client.conftest import KEY, service_of, service_of_release
from tests.client.vllm_ascend_server import serving_release

RELEASES = VERSIONS[1:]
TEXTS = ("What is water?", "A liquid.", "A train.")
FACTS = {"embed": "Qwen3-Embedding-8B", "rerank": "Qwen3-Reranker-8B", "generate": "Qwen3-8B"}


def service_for(task: str, version: str = "0.23.0", more: str = "") -> ResolvedService:
    """A service whose model does a task, by the catalogue."""
    service = service_of_release(version, f"model: /m/{FACTS[task]}\n{more}", length=512)
    assert service.facts
    assert service.facts.kind == task
    return service


def rules(kind: Kind, service: ResolvedService) -> list[tuple[str, str]]:
    if kind in (Kind.EMBED, Kind.RERANK, Kind.SCORE):
        request = pooling(kind, service, TEXTS, {})
    else:
        request = question(kind, service, "hello", {})
    return [(finding.severity, finding.rule) for finding in check_request(request, service)]


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize(
    ("task", "kinds"),
    [
        ("generate", {Kind.CHAT, Kind.COMPLETE}),
        ("embed", {Kind.EMBED, Kind.RERANK, Kind.SCORE}),
        ("rerank", {Kind.RERANK, Kind.SCORE}),
    ],
)
def test_a_model_gets_the_requests_that_it_can_answer(version: str, task: str, kinds: set[Kind]) -> None:
    service = service_for(task, version)

    for kind in (Kind.CHAT, Kind.COMPLETE, Kind.EMBED, Kind.RERANK, Kind.SCORE):
        expected = [] if kind in kinds else [("error", "other-task")]
        assert rules(kind, service) == expected, kind


def test_the_fix_names_the_kinds_that_work() -> None:
    service = service_for("rerank")
    (finding,) = check_request(question(Kind.CHAT, service, "hello", {}), service)

    assert finding.message == "/v1/chat/completions is not for Qwen3-Reranker-8B: it scores documents"
    assert finding.fix == "use one of: rerank, score"


def test_the_manuals_release_has_no_such_requests() -> None:
    assert rules(Kind.EMBED, service_of()) == [("error", "other-server")]


def test_bodies_have_the_fields_of_the_server() -> None:
    service = service_for("rerank")
    documents = ["A liquid.", "A train."]

    rerank = pooling(Kind.RERANK, service, TEXTS, {})
    assert (rerank.body["query"], rerank.body["documents"]) == (TEXTS[0], documents)
    score = pooling(Kind.SCORE, service, TEXTS, {})
    assert (score.body["text_1"], score.body["text_2"]) == (TEXTS[0], documents)
    assert pooling(Kind.EMBED, service, TEXTS, {}).body["input"] == [*TEXTS]


def test_numbers_are_read_from_answers() -> None:
    assert vectors({"data": [{"embedding": [1.0, 2.0]}]}) == [[1.0, 2.0]]
    assert scores({"results": [{"index": 1, "relevance_score": 0.5}]}) == [(1, 0.5)]
    assert scores({"data": [{"index": 0, "score": 0.25}]}) == [(0, 0.25)]
    assert (vectors({"error": "x"}), scores({})) == ([], [])


def smoked(service: ResolvedService, **what: Any) -> dict[str, Check]:
    async def ran(url: str) -> dict[str, Check]:
        async with linked(url, what.get("key"), timeout=5) as link:
            return {check.name: check async for check in smoke(link, service)}

    with serving_release("0.23.0", longest=512, pooling=what.pop("pooling", True), **what) as server:
        return asyncio.run(ran(server.url))


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("embed", ["embeddings", "too long → 400", "rerank", "score", "wrong key → 401", "unknown model → 404"]),
        ("rerank", ["rerank", "score", "wrong key → 401", "unknown model → 404"]),
    ],
)
def test_a_healthy_service_passes_every_check_of_its_task(task: str, names: list[str]) -> None:
    checks = smoked(service_for(task, more=KEY), key="sk-1")

    assert [*checks] == ["health", "models", *names]
    assert {name: check.detail for name, check in checks.items() if check.state != "passed"} == {}


def test_a_server_of_another_model_fails_the_checks() -> None:
    checks = smoked(service_for("embed"), pooling=False)

    assert {"embeddings", "rerank", "score"} <= {name for name, check in checks.items() if check.state == "failed"}


def test_documents_in_the_wrong_order_fail_a_check() -> None:
    checks = smoked(service_for("rerank"), ends="unsorted")

    assert checks["rerank"].detail == "the documents are not in the order of their scores"
