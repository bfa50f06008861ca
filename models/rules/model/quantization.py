"""The rule on weights that have to be quantized."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from models.catalog.facts import ModelFacts
from models.catalog.known import find_model
from models.finding import Finding, at, error, warning
from models.rules.registry import facts_rule
from models.service.resolved import ResolvedService


@facts_rule("error", "warning")
def unquantized_weights(
    service: ResolvedService, facts: ModelFacts
) -> Iterator[Finding]:
    """`quantization` names a method only if the weights were quantized with it.

    The engine does not quantize weights for these methods: it reads a file next to the quantized weights, and exits
    without it. What the weights are follows from the name of the model: `Qwen2-7B-Instruct-AWQ` is quantized, and
    `Qwen2-7B-Instruct` is not. If the directory has another name than the model, the finding is a warning. Quantized
    weights without this in their name are declared by `model.facts.quantization`.
    """
    method = service.quantization
    where = service.release.quantized_weights.get(method or "")
    if method is None or where is None or not _are_unquantized(service, facts):
        return
    place = where or "manual, Step 3, --quantization"
    severity = warning
    if where and _is_named_by_its_directory(service):
        severity = error
    yield severity(
        f"quantization is {method}, but the weights of {service.model.name} are not quantized",
        why=f"the engine needs a file next to quantized weights and exits without it ({place})",
        fix=f"remove quantization, or write model.facts.quantization: {method}, if the weights are quantized",
        marks=[
            at("quantization"),
            at("model.name", "the name of weights that are not quantized"),
        ],
    )


def _are_unquantized(service: ResolvedService, facts: ModelFacts) -> bool:
    """Whether the model is one of the catalogue, under the name of its weights without quantization."""
    known = service.known
    if known is None or known.facts is None or known.suffix or facts.quantization:
        return False
    if service.checksums is None:
        return True
    return not any("quant" in name for name in service.checksums.files)


def _is_named_by_its_directory(service: ResolvedService) -> bool:
    """Whether the directory of the weights has the name of the same model."""
    directory = PurePosixPath(service.model.path).name
    found = find_model(directory)
    return found is not None and found == service.known
