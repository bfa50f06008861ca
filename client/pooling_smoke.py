"""The checks of `smoke` for models that embed texts, or that score documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from client.body import pooling
from client.failed_check import FailedCheckError, expect
from client.http import Link, post
from client.numbers import scores, vectors
from models.engines.requests import Kind
from models.service.resolved import ResolvedService

_TEXTS = ("What is water?", "Water is a liquid.", "The train is late.")
_TOKEN_ID = 100
"""A token id that every vocabulary has."""


async def embeds(link: Link, service: ResolvedService) -> None:
    """Each text has a vector, all vectors have the same length, and different texts have different vectors."""
    data = await _answer(link, service, Kind.EMBED)
    found = vectors(data)
    expect(
        len(found) == len(_TEXTS),
        f"the number of vectors is {len(found)}, not {len(_TEXTS)}",
    )
    lengths = {len(vector) for vector in found}
    expect(len(lengths) == 1 and 0 not in lengths, "the vectors differ in length")
    expect(found[0] != found[1], "different texts have the same vector")


async def reranks(link: Link, service: ResolvedService) -> None:
    """Each document has a score, and the best document is the first."""
    found = scores(await _answer(link, service, Kind.RERANK))
    _expect_scores(found)
    ordered = sorted(found, key=lambda item: item[1], reverse=True)
    expect(found == ordered, "the documents are not in the order of their scores")


async def scores_pairs(link: Link, service: ResolvedService) -> None:
    """Each document has a score."""
    _expect_scores(scores(await _answer(link, service, Kind.SCORE)))


async def refuses_unknown_model(
    link: Link, kind: Kind, service: ResolvedService
) -> None:
    """A name that is not served is answered with 404."""
    await _expect_status(link, service, kind, 404, {"model": "no-such-model"})


async def refuses_long_text(link: Link, service: ResolvedService) -> None:
    """A text that is longer than maxModelLen is answered with 400."""
    text = [_TOKEN_ID] * (service.engine.max_model_len + 1)
    await _expect_status(link, service, Kind.EMBED, 400, {"input": text})


async def _answer(
    link: Link, service: ResolvedService, kind: Kind
) -> Mapping[str, Any]:
    request = pooling(kind, service, _TEXTS, {})
    answer = await post(link, request.endpoint.path, request.body)
    if not answer.ok:
        raise FailedCheckError(answer.failure)
    return answer.data


async def _expect_status(
    link: Link,
    service: ResolvedService,
    kind: Kind,
    status: int,
    fields: Mapping[str, Any],
) -> None:
    request = pooling(kind, service, _TEXTS, fields)
    answer = await post(link, request.endpoint.path, request.body)
    expect(answer.status == status, f"the server answers {answer.status}")


def _expect_scores(found: list[tuple[int, float]]) -> None:
    documents = len(_TEXTS) - 1
    expect(
        {index for index, _ in found} == set(range(documents)),
        f"the number of scores is {len(found)}, not {documents}",
    )
