"""Known models as a table, as a page, and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from cli.output.table import columns
from models.catalog.known import KnownModel, Published

VERSION = 1
"""Of the JSON; raised when a key changes its meaning or is removed."""

_HEADER = (
    "NAME",
    "FAMILY",
    "HEADS",
    "KV",
    "LAYERS",
    "CONTEXT",
    "MOE",
    "MULTIMODAL",
    "MINIMUM CARDS",
    "SOURCE",
)
_UNKNOWN_FACTS = ("-",) * 6
_END_OF_ORIGIN = re.compile("@|: | [(]")
"""Begins the commit, path or remark of a source."""


def table(models: Sequence[KnownModel]) -> str:
    """One row for each model."""
    rows = [_row(model) for model in models]
    return "\n".join(columns([_HEADER, *rows]))


def page(model: KnownModel) -> str:
    """All facts of a model."""
    return "\n".join(_page(model))


def document(models: Sequence[KnownModel]) -> str:
    """The contract for programs."""
    record = {"version": VERSION, "models": [_model(model) for model in models]}
    return json.dumps(record, indent=2, ensure_ascii=False)


def _row(model: KnownModel) -> tuple[str, ...]:
    cards = _minimum_cards(model.published) or "-"
    return (model.name, model.family, *_facts(model), cards, _origin(model.source))


def _facts(model: KnownModel) -> tuple[str, ...]:
    facts = model.facts
    if facts is None:
        return _UNKNOWN_FACTS
    return (
        str(facts.num_attention_heads),
        str(facts.num_key_value_heads),
        str(facts.num_hidden_layers),
        str(facts.context),
        _yes(facts.moe),
        _yes(facts.multimodal),
    )


def _minimum_cards(published: Sequence[Published]) -> str:
    """The fewest cards for each card memory, with the longest length on them: `1 of 32GB: 4096, 1 of 64GB: 8192`."""
    best: dict[str, tuple[int, int]] = {}
    ordered = sorted(published, key=_fewest_cards_then_longest)
    for line in ordered:
        if line.npu_memory not in best:
            best[line.npu_memory] = (line.npus or 0, line.max_model_len or 0)
    parts = []
    for memory, (cards, length) in sorted(best.items()):
        if cards:
            parts.append(f"{cards} of {memory}: {length}")
        else:
            parts.append(f"{memory}: not supported")
    return ", ".join(parts)


def _fewest_cards_then_longest(line: Published) -> tuple[int, int]:
    cards = line.npus or 0
    length = line.max_model_len or 0
    return cards, -length


def _origin(source: str) -> str:
    """The origins of a source, without commits, paths and remarks."""
    origins: dict[str, None] = {}
    for part in source.split("; "):
        origin = _END_OF_ORIGIN.split(part, maxsplit=1)[0]
        origins[origin] = None
    return ", ".join(origins)


def _page(model: KnownModel) -> Iterator[str]:
    yield ", ".join(model.names)
    if model.suffix:
        yield f"the facts are those of the model without {model.suffix}"
    facts = _model(model)["facts"] or {}
    entries = {
        "family": model.family,
        **facts,
        "source": model.source,
        "note": model.note,
    }
    rows = []
    for name, value in entries.items():
        if value is not None:
            rows.append((f"  {name}", _value_text(value)))
    yield ""
    yield from columns(rows)
    if not facts:
        yield "\nIts architecture is not known: set `model.facts` or `model.configJson` in the stack file."
    if model.published:
        yield "\nMinimum cards and longest length, as published:"
        for line in model.published:
            support = _published(line)
            yield f"  {support}"


def _published(line: Published) -> str:
    support = f"{line.npu_memory}: not supported"
    if line.npus:
        support = f"{line.npus} of {line.npu_memory}: {line.max_model_len} tokens"
    utilization = f"gpuMemoryUtilization {line.gpu_memory_utilization}"
    source = f"{line.release} {line.model}, {line.source}"
    return f"{support}, {utilization} ({source})"


def _model(model: KnownModel) -> dict[str, Any]:
    record = asdict(model)
    if model.facts:
        record["facts"] = {
            **model.facts.model_dump(),
            "context": model.facts.context,
            "longest": model.facts.longest,
        }
    return record


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return _yes(value)
    if isinstance(value, dict):
        known = [f"{key} {item}" for key, item in value.items() if item is not None]
        return ", ".join(known)
    return str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
