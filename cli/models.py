"""`ascend-vllm models`: the catalogue of known models, with the source of every fact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.errors import CommandError
from models.catalog.known import KnownModel, Published, find_model, known_models, nearest_models

VERSION = 1
"""Of the JSON; raised when a key changes its meaning or goes."""

_HEADER = ("NAME", "FAMILY", "HEADS", "KV", "LAYERS", "CONTEXT", "MOE", "MULTIMODAL", "MINIMUM CARDS", "SOURCE")


class ModelFormat(StrEnum):
    """How models are written."""

    TEXT = "text"
    JSON = "json"


def _complete(incomplete: str) -> list[str]:
    names = (name for model in known_models() for name in model.names)
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of a model.", autocompletion=_complete)
    ] = None,
    form: Annotated[ModelFormat, typer.Option("--format", help="Output format.")] = ModelFormat.TEXT,
) -> None:
    """List the known models, or show all facts of one model.

    Examples:
      ascend-vllm models
      ascend-vllm models Qwen2-7B-Instruct
      ascend-vllm models --format json
    """
    found = (_find(name),) if name else known_models()
    if form is ModelFormat.JSON:
        document = {"version": VERSION, "models": [_document(model) for model in found]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(_page(found[0]) if name else _table(found)))


def _find(name: str) -> KnownModel:
    if model := find_model(name):
        return model
    near = nearest_models(name)
    fix = f"did you mean {' or '.join(near)}?" if near else "`ascend-vllm models` lists them"
    raise CommandError(f"the catalogue has no model {name!r}", fix)


def _document(model: KnownModel) -> dict[str, Any]:
    document = asdict(model)
    if model.facts:
        document["facts"] = model.facts.model_dump() | {
            "context": model.facts.context,
            "longest": model.facts.longest,
        }
    return document


def _table(models: Sequence[KnownModel]) -> Iterator[str]:
    rows = [_HEADER, *map(_row, models)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(model: KnownModel) -> tuple[str, ...]:
    facts = model.facts
    shape: tuple[object, ...] = ("-",) * 6
    if facts:
        counts = (facts.num_attention_heads, facts.num_key_value_heads, facts.num_hidden_layers, facts.context)
        shape = (*counts, _yes(facts.moe), _yes(facts.multimodal))
    return (model.name, model.family, *map(str, shape), _cards(model.published) or "-", _origin(model.source))


def _cards(published: Sequence[Published]) -> str:
    """The fewest cards for each card memory, with the longest length on them."""
    best: dict[str, tuple[int, int]] = {}
    for line in published:
        found = (line.npus or 0, -(line.max_model_len or 0))
        best[line.npu_memory] = min(found, best.get(line.npu_memory, found))
    return ", ".join(
        f"{cards} of {memory}: {-length}" if cards else f"{memory}: not supported"
        for memory, (cards, length) in sorted(best.items())
    )


def _origin(source: str) -> str:
    """Where a source is from, without commit, path and remark."""
    places = (re.split("@|: | [(]", part, maxsplit=1)[0] for part in source.split("; "))
    return ", ".join(dict.fromkeys(places))


def _page(model: KnownModel) -> Iterator[str]:
    yield ", ".join(model.names)
    if model.suffix:
        yield f"the facts are those of the model without {model.suffix}"
    facts = {key: value for key, value in _document(model)["facts"].items() if value is not None} if model.facts else {}
    lines = {"family": model.family, **facts, "source": model.source, "note": model.note}
    shown = {key: _shown(value) for key, value in lines.items() if value is not None}
    width = max(map(len, shown))
    yield ""
    yield from (f"  {key:<{width}}  {value}" for key, value in shown.items())
    if not facts:
        yield "\nNo source of its architecture was found: `model.facts` or `model.configJson` give it."
    if model.published:
        yield "\nMinimum cards and longest length, as published:"
        yield from map(_published, model.published)


def _published(line: Published) -> str:
    how = f"{line.npus} of {line.npu_memory}: {line.max_model_len} tokens" if line.npus else "not supported"
    where = f"{line.npu_memory}: {how}" if not line.npus else how
    return f"  {where}, gpuMemoryUtilization {line.gpu_memory_utilization} ({line.release} {line.model}, {line.source})"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return _yes(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items() if item is not None)
    return str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
