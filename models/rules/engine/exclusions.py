"""Rules on pairs of features that exclude each other. The pairs are data of each engine release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models.engines.edits import extra_argument_key
from models.engines.release import Exclusion
from models.engines.releases import VERSIONS, release
from models.finding import Finding, at, error
from models.rules.registry import Check, rule
from models.service.resolved import ResolvedService


@dataclass(frozen=True)
class Feature:
    """A feature that the data of a release refers to."""

    is_on: Callable[[ResolvedService], bool]
    key: Callable[[ResolvedService], str]
    """The key of the stack file that turns the feature on."""
    turn_off: Callable[[ResolvedService], str]
    """The edit that turns the feature off."""


def _feature(key: str, is_on: Callable[[ResolvedService], bool]) -> Feature:
    return Feature(is_on, lambda _: key, lambda _: f"remove {key}")


def _quantizes_kv_cache(service: ResolvedService) -> bool:
    return service.further("kv-cache-dtype") not in (None, "auto")


def _kv_cache_key(service: ResolvedService) -> str:
    return extra_argument_key(service, "kv-cache-dtype")


FEATURES = {
    "KV cache quantization": Feature(
        is_on=_quantizes_kv_cache,
        key=_kv_cache_key,
        turn_off=lambda service: f"remove {_kv_cache_key(service)}",
    ),
    "chunked prefill": Feature(
        is_on=lambda service: bool(service.engine.enable_chunked_prefill),
        key=lambda _: "engine.enableChunkedPrefill",
        turn_off=lambda _: "write engine.enableChunkedPrefill: false",
    ),
    "LoRA": _feature("lora", lambda service: service.lora is not None),
    "multi-step scheduling": _feature(
        "engine.numSchedulerSteps",
        lambda service: service.engine.num_scheduler_steps > 1,
    ),
    "prefix caching": _feature("prefixCaching", lambda service: service.prefix_caching),
    "speculative decoding": _feature(
        "speculative", lambda service: service.speculative is not None
    ),
}
"""The features by the name that the data of a release uses."""


def _check_of(pair: Exclusion) -> Check:
    """The rule that reports one pair."""
    first_feature = FEATURES[pair.one]
    second_feature = FEATURES[pair.other]

    def check(service: ResolvedService) -> Iterator[Finding]:
        if pair not in service.release.exclusions:
            return
        if not first_feature.is_on(service) or not second_feature.is_on(service):
            return
        yield error(
            f"{pair.one} and {pair.other} exclude each other",
            why=pair.why,
            fix=f"{first_feature.turn_off(service)}, or {second_feature.turn_off(service)}",
            marks=[
                at(first_feature.key(service), pair.one),
                at(second_feature.key(service), pair.other),
            ],
        )

    first = pair.one[0].upper() + pair.one[1:]
    sentence = f"{first} and {pair.other} exclude each other."
    check.__name__ = pair.rule
    check.__doc__ = f"{sentence}\n\n{pair.why}."
    return check


for _version in VERSIONS:
    for _pair in release(_version).exclusions:
        rule("error")(_check_of(_pair))
