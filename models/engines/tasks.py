"""The task of a model server: generate text, embed texts as vectors, or score documents for a query."""

from __future__ import annotations

from models.catalog.facts import ModelKind
from models.engines.model_server import ModelServer

_CONVERTED: dict[str, ModelKind] = {"embed": "embed", "classify": "rerank"}
"""Values of vLLM's --convert, which changes what a model does."""


def task_of(server: ModelServer) -> ModelKind | None:
    """The task of a server; None if the facts of its model are not known."""
    converted = _CONVERTED.get(str(server.further("convert")))
    if converted:
        return converted
    if server.facts is None:
        return None
    return server.facts.kind
