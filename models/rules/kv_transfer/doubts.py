"""Rules on two paired services that read the model differently, or of which one may not run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.edits import extra_argument_key
from models.finding import Finding, Mark, error, warning
from models.rules.kv_transfer.pair import Pair, key_of, mark_of, pair_of
from models.rules.registry import stack_rule
from models.service.resolved import ResolvedService, ResolvedStack
from models.yaml_scalar import as_yaml

_OVERRIDES = "hf-overrides"
_ROTATION = "vllm/model_executor/models/qwen3.py:159 of 0.23.0"
_C8 = re.compile(r"(?i)(^|[-_.]|a8|a16)c8($|[-_.])")
"""The sign of weights with a quantized KV cache in their name: `W8A8C8`, `W8A8-C8`."""

_MOONCAKE_C8 = "vllm_ascend/ascend_config.py:386"
_CACHE_OF_WEIGHTS = "vllm_ascend/ascend_config.py:383 of 0.23.0"


@stack_rule("error", "warning")
def kv_transfer_model(stack: ResolvedStack) -> Iterator[Finding]:
    """Both services of a pair read the same model in the same way.

    Keys are rotated by their positions before they go into the KV cache, so other settings of RoPE on one side give
    wrong answers without any message.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    yield from _overrides(pair)
    yield from _quantizations(pair)
    yield from _quantized_cache(pair)


def _overrides(pair: Pair) -> Iterator[Finding]:
    of_prefill = _overrides_of(pair.prefill)
    of_decode = _overrides_of(pair.decode)
    names = [
        name
        for name in sorted({*of_prefill, *of_decode})
        if of_prefill.get(name) != of_decode.get(name)
    ]
    if not names:
        return
    rotated = [name for name in names if name.startswith("rope")]
    if rotated:
        severity = error
        name = rotated[0]
        why = (
            f"keys are rotated before they go into the KV cache ({_ROTATION}), "
            "so the service for decode answers wrongly"
        )
    else:
        severity = warning
        name = names[0]
        why = "a model that is read in another way may have another KV cache, and the servers do not compare it"
    values = [_shown(of_prefill, name), _shown(of_decode, name)]
    yield severity(
        f"{pair.prefill.name} and {pair.decode.name} differ in {name} of hfOverrides: {values[0]} and {values[1]}",
        why=why,
        fix=_overrides_edit(pair),
        marks=[_overrides_mark(service) for service in pair.services],
    )


def _overrides_of(service: ResolvedService) -> Mapping[str, Any]:
    """The fields of `hf-overrides`, which may also be a text with JSON."""
    value = service.further(_OVERRIDES)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {value: True}
    return value if isinstance(value, dict) else {}


def _overrides_mark(service: ResolvedService) -> Mark:
    if service.further(_OVERRIDES) is None:
        return mark_of(service, "engine")
    return mark_of(service, extra_argument_key(service, _OVERRIDES))


def _overrides_edit(pair: Pair) -> str:
    """The edit that gives the service for decode the overrides of the service for prefill, or the only ones to both."""
    source, target = pair.services
    if not _overrides_of(source):
        source, target = target, source
    key = extra_argument_key(target, _OVERRIDES)
    overrides = as_yaml(dict(_overrides_of(source)))
    return f"write {key_of(target, key)}: {overrides}"


def _shown(overrides: Mapping[str, Any], name: str) -> str:
    if name not in overrides:
        return "none"
    return json.dumps(overrides[name])


def _quantizations(pair: Pair) -> Iterator[Finding]:
    of_prefill = pair.prefill.quantization
    of_decode = pair.decode.quantization
    if of_prefill == of_decode:
        return
    values = [of_prefill or "none", of_decode or "none"]
    key = key_of(pair.decode, "quantization")
    fix = f"write {key}: {of_prefill}" if of_prefill else f"remove {key}"
    yield warning(
        f"{pair.prefill.name} and {pair.decode.name} differ in the quantization: {values[0]} and {values[1]}",
        why="different weights compute different values for the KV cache, and a quantization may also change its type "
        f"({_CACHE_OF_WEIGHTS})",
        fix=fix,
        marks=pair.marks("quantization", values),
    )


def _quantized_cache(pair: Pair) -> Iterator[Finding]:
    """Weights whose name says that their KV cache is quantized, of a model without latent attention."""
    service = pair.prefill
    is_latent = service.facts is None or service.facts.kv_lora_rank is not None
    if is_latent or not _C8.search(service.model.name):
        return
    yield warning(
        f"the name of {service.model.name} says that its KV cache is quantized (C8), which Mooncake does not transfer",
        why="the service for prefill keeps bf16 and that for decode int8, so the bytes are read wrongly; 0.23.0 exits "
        f"at start ({_MOONCAKE_C8})",
        fix="remove kvTransfer, or use weights without a quantized KV cache for both services",
        marks=pair.marks("model"),
    )


@stack_rule("warning")
def kv_transfer_replicas(stack: ResolvedStack) -> Iterator[Finding]:
    """Both services of a pair have pods, or neither has.

    The pair answers no request if one side has no pods, and the NPUs of the other side are idle.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    stopped = [
        service
        for service in pair.services
        if service.replicas == 0 and not service.external
    ]
    if len(stopped) != 1:
        return
    without = stopped[0]
    running = pair.other(without)
    if running.replicas == 0:
        return
    yield warning(
        f"{without.name} has 0 replicas, but {running.name} has {running.replicas}",
        why="a request needs both servers, so the pair answers none",
        fix=f"write {key_of(without, 'replicas')}: 1, or write {key_of(running, 'replicas')}: 0",
        marks=[mark_of(without, "replicas"), mark_of(running, "replicas")],
    )


@stack_rule("warning")
def kv_transfer_queue(stack: ResolvedStack) -> Iterator[Finding]:
    """Both services of a pair name a queue, or none of them does.

    Volcano schedules each queue separately, so one service can have pods and NPUs while the other one waits.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    named = [service for service in pair.services if service.queue]
    if len(named) != 1:
        return
    with_queue = named[0]
    without = pair.other(with_queue)
    if with_queue.in_queue == without.in_queue:
        return
    yield warning(
        f"{with_queue.name} waits in the queue {with_queue.queue}, but {without.name} in {without.in_queue}",
        why="Volcano gives each queue its own share, so one service can hold NPUs while the other one waits",
        fix=f"write {key_of(without, 'queue')}: {with_queue.queue}",
        marks=[mark_of(with_queue, "queue"), mark_of(without, "queue")],
    )
