"""Known models as data: the facts of their config.json and what was measured on Ascend, each with its source."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

_UNSCALED = ("su", "longrope", "llama3", "mrope")
_SUFFIX = re.compile(r"[-_.]((?:awq|gptq|smoothquant|gguf|bnb|fp8|w\d+a\d+(?:c\d+)?|int[48]|[48]bits?)+)$", re.IGNORECASE)


@dataclass(frozen=True)
class RopeScaling:
    """How a model stretches its positions, as in config.json."""

    type: str
    factor: float | None = None
    original_max_position_embeddings: int | None = None


@dataclass(frozen=True)
class ModelFacts:
    """A model's architecture in the words of its config.json; None is what the source does not say.

    Multimodal models have the facts of their text backbone and the `model_type` of the whole. Where a config.json
    counts no KV heads there are as many as heads. Qwen 1 counts gate and up in `intermediate_size`, others one of them.
    """

    model_type: str
    hidden_size: int
    num_attention_heads: int
    num_key_value_heads: int
    num_hidden_layers: int
    multimodal: bool
    moe: bool
    intermediate_size: int
    vocab_size: int
    head_dim: int | None = None
    max_position_embeddings: int | None = None
    seq_length: int | None = None
    model_max_length: int | None = None
    rope_scaling: RopeScaling | None = None
    sliding_window: int | None = None
    """Only where the model uses it."""
    tie_word_embeddings: bool | None = None
    torch_dtype: str | None = None
    quantization: str | None = None
    """`quant_method` of the checkpoint."""
    num_experts: int | None = None
    num_experts_per_tok: int | None = None
    moe_intermediate_size: int | None = None
    """Of one expert; experts without it have `intermediate_size`."""
    shared_expert_intermediate_size: int | None = None
    n_shared_experts: int | None = None
    first_k_dense_replace: int | None = None
    q_lora_rank: int | None = None
    kv_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None
    qk_rope_head_dim: int | None = None
    v_head_dim: int | None = None

    @property
    def context(self) -> int:
        """The shortest length that config.json gives."""
        return min(filter(None, (self.max_position_embeddings, self.seq_length, self.model_max_length)))

    @property
    def longest(self) -> int:
        """The longest `maxModelLen` that the engine takes: the context, stretched as `rope_scaling` says."""
        scaling = self.rope_scaling
        if not scaling or scaling.type in _UNSCALED:
            return self.context
        start = scaling.original_max_position_embeddings if scaling.type == "yarn" else None
        return int((start or self.context) * (scaling.factor or 1))

    @property
    def head_size(self) -> int:
        """Elements of one head."""
        return self.head_dim or self.hidden_size // self.num_attention_heads


@dataclass(frozen=True)
class Published:
    """A line of Ascend-vLLM's documentation: the fewest cards and the longest length on them; None is not supported."""

    model: str
    release: str
    npu_memory: str
    npus: int | None
    max_model_len: int | None
    gpu_memory_utilization: float
    source: str


@dataclass(frozen=True)
class KnownModel:
    """A model that the catalogue knows under one or more checkpoint names; no facts where no source was found."""

    names: tuple[str, ...]
    family: str
    source: str
    facts: ModelFacts | None = None
    note: str | None = None
    published: tuple[Published, ...] = ()
    suffix: str | None = None
    """What was cut off the name that was looked up, as AWQ: the facts are those of the unquantized model."""

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]


@cache
def known_models() -> tuple[KnownModel, ...]:
    """All models, by family and name."""
    return tuple(map(_model, json.loads(Path(__file__).with_name("models.json").read_text(encoding="utf-8"))))


def find_model(name: str) -> KnownModel | None:
    """The model that a name means, also with its organization or its quantization.

    Case and separators do not count. With its separators left out, a name must mean one model: `Qwen257B` finds none.
    """
    last = name.rstrip("/").rpartition("/")[2]
    if found := _by_words().get(_words(last)) or _by_letters().get(_words(last).replace("-", "")):
        return found
    cut = _SUFFIX.search(last)
    base = find_model(last[: cut.start()]) if cut else None
    return replace(base, suffix="-".join(filter(None, (base.suffix, cut[1])))) if base and cut else None


def nearest_models(name: str, count: int = 3) -> list[str]:
    """The known names that are most like a name."""
    names = {_words(known): known for model in known_models() for known in model.names}
    return [names[close] for close in get_close_matches(_words(name.rpartition("/")[2]), names, count)]


def _words(name: str) -> str:
    return re.sub(r"[-_.\s]+", "-", name.lower()).strip("-")


@cache
def _by_words() -> dict[str, KnownModel]:
    return {_words(name): model for model in known_models() for name in model.names}


@cache
def _by_letters() -> dict[str, KnownModel | None]:
    found: dict[str, KnownModel | None] = {}
    for name, model in _by_words().items():
        letters = name.replace("-", "")
        found[letters] = model if found.get(letters, model) is model else None
    return found


def _model(entry: Mapping[str, Any]) -> KnownModel:
    return KnownModel(
        names=(entry["name"], *entry.get("names", ())),
        family=entry["family"],
        source=entry["source"],
        facts=_facts(entry["facts"]) if entry["facts"] else None,
        note=entry.get("note"),
        published=tuple(Published(**line) for line in entry.get("published", ())),
    )


def _facts(entry: Mapping[str, Any]) -> ModelFacts:
    scaling = entry.get("rope_scaling")
    return ModelFacts(**{**entry, "rope_scaling": RopeScaling(**scaling) if scaling else None})
