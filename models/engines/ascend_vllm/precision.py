"""Attention of high precision: which models need it (manual, Step 3)."""

from __future__ import annotations

from models.catalog.known import KnownModel
from models.engines.flags import plain_name
from models.engines.model_server import ModelServer

LONG = 8192
"""Tokens from which on a sequence counts as long (manual, Step 3, --enable-prefix-caching)."""

PRECISE_PREFILL = ("qwen27b", "qwen257b")
"""Models, by `plain_name`, that answer wrongly without prefill of high precision (manual, Step 3)."""

PRECISE_DECODE = (*PRECISE_PREFILL, "qwen272b")
"""Models that sometimes answer wrongly to long sequences without decode of high precision (manual, Step 3)."""

_PRECISE_PREFIX = ("qwen27b", "qwen272b")
"""Models that answer wrongly with prefix caching at the usual precision (manual, Step 3)."""


def plain_model_name(known: KnownModel | None, name: str) -> str:
    """The plain name of a model in the catalogue, or of the name that the stack file has."""
    if known:
        return plain_name(known.name)
    return plain_name(name)


def needs_precise_prefix(server: ModelServer) -> bool:
    """Whether prefix caching needs the attention operators of high precision.

    The other operators run out of memory above 8192 tokens, and some models answer wrongly with them (manual, Step 3).
    """
    if server.engine.max_model_len > LONG:
        return True
    return plain_model_name(server.known, server.model.name).startswith(_PRECISE_PREFIX)
