"""The draft model that a fix proposes for speculative decoding."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import PurePosixPath

from models.catalog.facts import ModelFacts
from models.catalog.known import KnownModel, known_models
from models.catalog.sizes import all_parameters
from models.engines.features import DraftModel, EagleHead
from models.engines.model_server import ModelServer

PADDING = 1024
"""Tokens by which checkpoints of one series differ, because their vocabularies are padded differently."""

_LARGEST_PART = 0.25
"""A useful draft is at most this part of the model."""


def same_vocabulary(draft: ModelFacts, facts: ModelFacts) -> bool:
    """Whether two models have the same vocabulary, apart from its padding."""
    return abs(draft.vocab_size - facts.vocab_size) <= PADDING


def draft_edit(server: ModelServer) -> str:
    """The edit that replaces the draft of a service by the smallest known draft, in the same directory."""
    speculative = server.speculative
    name = _smallest_draft(server)
    if name is None or not isinstance(speculative, DraftModel | EagleHead):
        return "remove speculative, or choose a smaller model with the same vocabulary"
    draft = PurePosixPath(speculative.source).with_name(name)
    return f"write speculative.source: {draft}, or remove speculative"


def _smallest_draft(server: ModelServer) -> str | None:
    """The name of the smallest model in the family that can draft for a service, or None."""
    known, facts = server.known, server.facts
    if known is None or facts is None:
        return None
    most = all_parameters(facts) * _LARGEST_PART
    sizes: dict[str, int] = {}
    for model in known_models():
        if _can_draft(model, known, facts):
            size = all_parameters(model.facts) if model.facts else 0
            if size <= most:
                sizes.update(dict.fromkeys(model.names, size))
    if not sizes:
        return None
    smallest = min(sizes.values())
    names = [name for name, size in sizes.items() if size == smallest]
    return max(names, key=lambda name: _likeness(name, server.model.name))


def _can_draft(model: KnownModel, known: KnownModel, facts: ModelFacts) -> bool:
    if model.facts is None or model.family != known.family:
        return False
    if model.facts.moe or model.facts.multimodal:
        return False
    return same_vocabulary(model.facts, facts)


def _likeness(name: str, other: str) -> float:
    return SequenceMatcher(None, name, other).ratio()
