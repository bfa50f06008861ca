"""Known models: the facts of their config.json and the published limits on Ascend, each with its source."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.catalog.facts import ModelFacts, RopeScaling

__all__ = [
    "KnownModel",
    "ModelFacts",
    "Published",
    "RopeScaling",
    "find_model",
    "known_models",
    "nearest_models",
]

_QUANTIZATION = (
    r"awq|gptq|smoothquant|gguf|bnb|bf16|(?:nv|mx)?fp[48]|int[48]|[48]bits?"
    r"|w\d+a\d+(?:c\d+|sc|mix)?"
)
"""A quantization at the end of a checkpoint's name, such as `W8A8`. `bf16` names weights that are not quantized."""

_REMARK = r"mtp|floatmtp|quarot|rot|dynamic|mxfp[48]|310|vllm|tp\d+"
"""Parts of a checkpoint's name after the quantization: kept layers, rotated weights, format, device or parts."""

_SUFFIX = re.compile(
    rf"[-_.]((?:{_QUANTIZATION})(?:[-_.](?:{_REMARK}))*)$", re.IGNORECASE
)


_LEAST_LIKENESS = 0.5
"""Part of the pairs of letters that similar names have in common."""


@dataclass(frozen=True)
class Published:
    """A line of Ascend-vLLM's documentation: the fewest NPUs for a model and the longest sequence on them.

    None means that the model is not supported. A line that names neither base nor chat holds for both.
    """

    model: str
    release: str
    npu_memory: str
    npus: int | None
    max_model_len: int | None
    gpu_memory_utilization: float
    source: str


@dataclass(frozen=True)
class KnownModel:
    """A model that the catalogue knows under one or more checkpoint names. Without a source it has no facts."""

    names: tuple[str, ...]
    family: str
    source: str
    facts: ModelFacts | None = None
    note: str | None = None
    published: tuple[Published, ...] = ()
    suffix: str | None = None
    """Quantization in the name that was looked up, such as `AWQ` or `w8a8-mtp`. The facts are those of the model
    without it."""

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]


@cache
def known_models() -> tuple[KnownModel, ...]:
    """All models, by family and name."""
    path = Path(__file__).with_name("models.json")
    entries = json.loads(path.read_text(encoding="utf-8"))
    return tuple(_model(entry) for entry in entries)


def find_model(name: str) -> KnownModel | None:
    """The model of a checkpoint name, which may have an organization and a quantization.

    Case and separators are ignored. A name without separators must fit one model only: `Qwen257B` finds none, because
    it is Qwen2-57B or Qwen2.5-7B.
    """
    checkpoint = name.rstrip("/").rpartition("/")[2]
    words = _words(checkpoint)
    found = _by_words().get(words) or _by_letters().get(_letters(words))
    if found:
        return found

    quantization = _SUFFIX.search(checkpoint)
    if not quantization:
        return None
    unquantized = find_model(checkpoint[: quantization.start()])
    if not unquantized:
        return None
    suffixes = [unquantized.suffix, re.sub("[_.]", "-", quantization[1])]
    suffix = "-".join(part for part in suffixes if part)
    return replace(unquantized, facts=_unquantized(unquantized.facts), suffix=suffix)


def _unquantized(facts: ModelFacts | None) -> ModelFacts | None:
    """The facts without the quantization of the published checkpoint, which another checkpoint does not have."""
    if facts is None or facts.quantization is None:
        return facts
    return facts.model_copy(update={"quantization": None})


def nearest_models(name: str, count: int = 3) -> list[str]:
    """The known names that resemble a name most, by their pairs of letters.

    A stack may have hundreds of unknown names, and each is compared with hundreds of known ones: so the pairs of the
    known names are computed only once.
    """
    pairs = _letter_pairs(_words(name.rpartition("/")[2]))
    likeness = {}
    for known, known_pairs in _pairs_of_names().items():
        common = len(pairs & known_pairs)
        likeness[known] = 2 * common / (len(pairs) + len(known_pairs))
    similar = [known for known in likeness if likeness[known] >= _LEAST_LIKENESS]
    return sorted(similar, key=lambda known: -likeness[known])[:count]


@cache
def _pairs_of_names() -> dict[str, frozenset[str]]:
    """The letter pairs of each known name."""
    pairs = {}
    for model in known_models():
        for name in model.names:
            pairs[name] = _letter_pairs(_words(name))
    return pairs


def _letter_pairs(words: str) -> frozenset[str]:
    """All two letters of a name that follow each other, with its beginning and its end."""
    return frozenset(map("".join, pairwise(f"-{words}-")))


def _words(name: str) -> str:
    """A name in lower case, with `-` as its only separator."""
    return re.sub(r"[-_.\s]+", "-", name.lower()).strip("-")


def _letters(words: str) -> str:
    """A name without separators."""
    return words.replace("-", "")


@cache
def _by_words() -> dict[str, KnownModel]:
    return {_words(name): model for model in known_models() for name in model.names}


@cache
def _by_letters() -> dict[str, KnownModel | None]:
    """The models by their names without separators; None for a name that several models have."""
    found: dict[str, KnownModel | None] = {}
    for words, model in _by_words().items():
        letters = _letters(words)
        is_ambiguous = letters in found and found[letters] is not model
        found[letters] = None if is_ambiguous else model
    return found


def _model(entry: Mapping[str, Any]) -> KnownModel:
    facts = entry["facts"]
    published = [Published(**line) for line in entry.get("published", ())]
    return KnownModel(
        names=(entry["name"], *entry.get("names", ())),
        family=entry["family"],
        source=entry["source"],
        facts=_facts(facts) if facts else None,
        note=entry.get("note"),
        published=tuple(published),
    )


def _facts(entry: Mapping[str, Any]) -> ModelFacts:
    """The facts of an entry. They are not validated: a test holds the whole catalogue to the record."""
    fields = dict(entry)
    scaling = fields.get("rope_scaling")
    if scaling:
        fields["rope_scaling"] = RopeScaling.model_construct(**scaling)
    return ModelFacts.model_construct(**fields)
