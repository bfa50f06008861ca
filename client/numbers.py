"""The vectors and scores in answers of embedding and reranking models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def vectors(data: Mapping[str, Any]) -> list[list[float]]:
    """The vectors in an answer of /v1/embeddings, in the order of the texts."""
    found = []
    for item in _items(data, "data"):
        vector = item.get("embedding")
        if isinstance(vector, list):
            found.append(vector)
    return found


def scores(data: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Index and score of each document in an answer of /v1/rerank or /v1/score, in the order of the answer."""
    found = []
    for item in (*_items(data, "results"), *_items(data, "data")):
        score = item.get("relevance_score", item.get("score"))
        if isinstance(score, int | float):
            found.append((int(item.get("index", 0)), float(score)))
    return found


def _items(data: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    items = data.get(key)
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))
