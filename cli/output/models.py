"""Known models as a table, as a page, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from cli.output.table import columns, columns_with_text
from cli.output.terminal import paragraph
from models.catalog.facts import ModelFacts
from models.catalog.known import KnownModel, Published

VERSION = 1
"""Of the JSON; raised when a key changes its meaning or is removed."""

_HEADER = ("NAME", "CONTEXT", "KIND", "FEWEST NPUS")


def table(models: Sequence[KnownModel]) -> str:
    """One row for each model, in 80 columns. `page` and `document` show all facts."""
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
    context = "-"
    if model.facts:
        context = str(model.facts.context)
    return (model.name, context, _kind(model.facts), _fewest_npus(model.published))


def _kind(facts: ModelFacts | None) -> str:
    """The task of a model if it is not text generation, and its architecture: `MoE, multimodal`."""
    if facts is None:
        return "-"
    if facts.kind != "generate":
        return str(facts.kind)
    properties = []
    if facts.moe:
        properties.append("MoE")
    if facts.multimodal:
        properties.append("multimodal")
    return ", ".join(properties) or "dense"


def _fewest_npus(published: Sequence[Published]) -> str:
    """The fewest NPUs of each memory that are published for a model: `8×32Gi 4×64Gi`."""
    fewest: dict[str, int] = {}
    for line in sorted(published, key=_fewest_cards_then_longest):
        if line.npus:
            fewest.setdefault(line.npu_memory, line.npus)
    parts = [f"{npus}×{memory}" for memory, npus in sorted(fewest.items())]
    return " ".join(parts) or "-"


def _fewest_cards_then_longest(line: Published) -> tuple[int, int]:
    cards = line.npus or 0
    length = line.max_model_len or 0
    return cards, -length


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
    yield from columns_with_text(rows)
    if not facts:
        yield "\nIts architecture is not known: set `model.facts` or `model.configJson` in the stack file."
    if model.published:
        yield "\nMinimum cards and longest length, as published:"
        for line in model.published:
            yield from paragraph("  ", _published(line))


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
