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

from models.catalog.facts import ModelFacts, RopeScaling

__all__ = ["KnownModel", "ModelFacts", "Published", "RopeScaling", "find_model", "known_models", "nearest_models"]

_SUFFIX = re.compile(r"[-_.](awq|gptq|smoothquant|gguf|bnb|fp8|w\d+a\d+(?:c\d+)?|int[48]|[48]bits?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Published:
    """A line of Ascend-vLLM's documentation: the fewest cards and the longest length on them; None is not supported.

    A line that names a model without saying base or chat stands at both.
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
    scaled = {"rope_scaling": RopeScaling.model_construct(**scaling)} if scaling else {}
    return ModelFacts.model_construct(**{**entry, **scaled})
