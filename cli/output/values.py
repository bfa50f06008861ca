"""For `check --verbose`: every value of a service with its origin, and how the model fits its NPUs."""

from __future__ import annotations

from collections.abc import Iterator

from cli.output.rollout import rollout_in_words
from cli.output.terminal import paragraph, terminal_width
from models.credentials import masked_tree
from models.record import quantity_text
from models.service.fit import fit
from models.service.resolved import ResolvedService

_GIB = 2**30
_KIB = 1024
_ORIGIN = 24
"""Columns for an origin to the right of its value."""
_NARROWEST_VALUE = 14
_WIDEST_VALUE = 48
"""Characters of a value whose origin is on the same line. The origin of a longer value is on the next line."""
_BYTES = (
    "resources.memory",
    "resources.shm",
    "model.source.size",
    "model.source.to.size",
)
_SECONDS = ("startup", "drain", "Timeout", "preparation", "interval")


def service_values(service: ResolvedService) -> str:
    """One line for each value, then the memory fit and the rollout."""
    lines = [service.name]
    lines += _value_lines(service)
    lines += _fit_lines(service)
    lines += paragraph("  ", rollout_in_words(service))
    lines.append("")
    return "\n".join(lines)


def _value_lines(service: ResolvedService) -> Iterator[str]:
    rows = []
    for field, origin in service.origins.items():
        rows.append((field, _value_text(origin.value, field), origin.source))
    field_width = max(len(field) for field, _, _ in rows)
    value_width = max(len(value) for _, value, _ in rows)
    value_width = min(value_width, _widest_value(field_width))
    for field, value, source in rows:
        name = field.ljust(field_width)
        text = value.ljust(value_width)
        head = f"  {name}  "
        if len(value) <= value_width:
            yield from paragraph(f"{head}{text}  ", source)
        else:
            yield from paragraph(head, value)
            yield from paragraph(" " * len(head), source)


def _widest_value(field_width: int) -> int:
    """Characters of a value that leave room for its origin."""
    left = terminal_width() - field_width - _ORIGIN - len("      ")
    return min(max(left, _NARROWEST_VALUE), _WIDEST_VALUE)


def _value_text(value: object, field: str) -> str:
    if value is None or value in ([], {}):
        return "-"
    value = masked_tree(value, field.rpartition(".")[2])
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and field in _BYTES:
        return quantity_text(value)
    if isinstance(value, int) and field.endswith(_SECONDS):
        return f"{value}s"
    text = str(value)
    if "\n" in text:
        return repr(value)
    return text


def _fit_lines(service: ResolvedService) -> Iterator[str]:
    """The memory of an NPU, part by part."""
    need = fit(service)
    if need is None:
        missing = "the model's facts"
        if service.facts:
            missing = "cluster.pools"
        yield f"  fit: unknown without {missing}"
        return
    engine = service.engine
    memory = need.memory / _GIB
    budget = _gib(need.budget)
    weights = _gib(need.weights)
    billions = need.parameters / 1e9
    cache = _gib(max(need.budget - need.weights, 0))
    token = need.token / _KIB
    yield f"  fit: on each of {engine.npus_used} NPUs with {memory:.1f} GiB"
    yield f"    {budget}  budget of the engine, {engine.gpu_memory_utilization:g} of the memory"
    yield f"    {weights}  weights (the model has {billions:.2f} billion parameters)"
    yield f"    {cache}  left for the KV cache: {need.tokens} tokens of {token:.1f} KiB"
    yield from paragraph(
        f"    {need.requests:8} ",
        f"concurrent requests of {need.length} tokens, without the memory of activations",
    )


def _gib(size: int) -> str:
    return f"{size / _GIB:8.1f} GiB"
