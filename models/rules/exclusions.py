"""Features of which a service can have one of two; the pairs are data of the engine's release."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.engines.release import Exclusion
from models.engines.releases import VERSIONS, release
from models.finding import Finding, at, error
from models.rules.registry import Check, rule
from models.service.resolved import ResolvedService

FEATURES: dict[str, tuple[str, Callable[[ResolvedService], object]]] = {
    "KV cache quantization": ("engine.extraArgs", lambda service: _kv_cache_dtype(service) != "auto"),
    "chunked prefill": ("engine.enableChunkedPrefill", lambda service: service.engine.enable_chunked_prefill),
    "LoRA": ("lora", lambda service: service.lora),
    "multi-step scheduling": ("engine.numSchedulerSteps", lambda service: service.engine.num_scheduler_steps > 1),
    "prefix caching": ("prefixCaching", lambda service: service.prefix_caching),
    "speculative decoding": ("speculative", lambda service: service.speculative),
}
"""The features that the data of a release speak of: their key in the stack file, and whether a service has them."""


def _key(field: str) -> str:
    return "kvCacheDtype" if field == "engine.extraArgs" else field.rpartition(".")[2]


def _kv_cache_dtype(service: ResolvedService) -> object:
    return service.further("kv-cache-dtype") or "auto"


def _check_of(pair: Exclusion) -> Check:
    def check(service: ResolvedService) -> Iterator[Finding]:
        (one, has_one), (other, has_other) = FEATURES[pair.one], FEATURES[pair.other]
        if pair in service.release.exclusions and has_one(service) and has_other(service):
            yield error(
                f"{pair.one} and {pair.other} exclude each other",
                why=pair.why,
                fix=f"remove {_key(one)}, or remove {_key(other)}",
                marks=[at(one, pair.one), at(other, pair.other)],
            )

    check.__name__ = pair.rule
    check.__doc__ = f"{pair.one[0].upper()}{pair.one[1:]} and {pair.other} exclude each other.\n\n{pair.why}."
    return check


for _version in VERSIONS:
    for _pair in release(_version).exclusions:
        rule("error")(_check_of(_pair))
