"""The draft model of speculative decoding: its facts, and the proposal of a fix."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import PurePosixPath

from models.catalog.facts import ModelFacts
from models.catalog.known import KnownModel, find_model, known_models
from models.catalog.sizes import all_parameters
from models.engines.features import DraftModel, EagleHead
from models.engines.model_server import ModelServer
from models.finding import Mark, at

_LARGEST_PART = 0.25
"""A useful draft is at most this part of the model."""


def draft_facts(server: ModelServer) -> ModelFacts | None:
    """The facts of the draft model; None if there is no draft model, or the catalogue does not have it."""
    speculative = server.speculative
    if not isinstance(speculative, DraftModel):
        return None
    draft = find_model(PurePosixPath(speculative.source).name)
    return draft.facts if draft else None


@dataclass(frozen=True)
class DraftLimit:
    """The longest request that a draft model can take part in."""

    tokens: int
    reason: str
    """The object with this length, in words."""
    mark: Mark


def draft_limit(server: ModelServer) -> DraftLimit:
    """The shorter of `maxModelLen` and the length that the draft model supports, if it is known."""
    length = server.engine.max_model_len
    draft = draft_facts(server)
    if draft is None or draft.longest is None or draft.longest >= length:
        mark = at("engine.maxModelLen", "tokens of the longest request")
        return DraftLimit(length, "maxModelLen", mark)
    note = f"{draft.longest} tokens"
    return DraftLimit(draft.longest, "the draft model", at("speculative.source", note))


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
    return model.facts.vocab_size == facts.vocab_size


def _likeness(name: str, other: str) -> float:
    return SequenceMatcher(None, name, other).ratio()
