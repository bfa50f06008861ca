"""The rule on speculative decoding of two services that exchange KV cache."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.facts import HYBRID_MODELS
from models.engines.features import Speculative
from models.finding import Finding, error, warning
from models.rules.kv_transfer.pair import Pair, key_of, mark_of, pair_of
from models.rules.registry import stack_rule
from models.service.resolved import ResolvedStack

_GUIDE = "vllm-ascend, pd_disaggregation_mooncake_multi_node.md"
_MOONCAKE = "vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py"

_WITH_KV_CACHE = ("mtp", "eagle", "eagle3", "draft", "dflash")
"""Kinds of speculation whose layers or models have a KV cache of their own."""


@stack_rule("error", "warning")
def kv_transfer_speculative(stack: ResolvedStack) -> Iterator[Finding]:
    """The services of a pair speculate in ways that fit.

    The service for decode reads the KV cache of its MTP layers, head or draft model from the service for prefill, which
    therefore needs the same ones. A service for prefill proposes one token, because it generates only one for each
    prompt. With a model that has Mamba layers, both services propose the same number of tokens: the service for decode
    finds the state of a prompt by its own number (vllm-ascend, pd_disaggregation_mooncake_multi_node.md).
    """
    pair = pair_of(stack)
    if pair is None:
        return
    prefill = pair.prefill.speculative
    decode = pair.decode.speculative
    of_prefill = prefill.kind if prefill else "none"
    if decode and decode.kind in _WITH_KV_CACHE and decode.kind != of_prefill:
        yield _missing_layers(pair, of_prefill, decode)
    elif _has_mamba_layers(pair):
        yield from _different_tokens(pair, prefill, decode)
    elif prefill and prefill.tokens != 1:
        yield _further_tokens(pair, prefill)


def _has_mamba_layers(pair: Pair) -> bool:
    facts = pair.prefill.facts
    return facts is not None and facts.model_type in HYBRID_MODELS


def _missing_layers(pair: Pair, kind: str, decode: Speculative) -> Finding:
    return error(
        f"{pair.decode.name} speculates with {decode.kind}, but the speculation of {pair.prefill.name} is {kind}",
        why=f"the service for decode reads the KV cache of these layers from the other one ({_MOONCAKE}:822 of 0.23.0)",
        fix=f"remove {key_of(pair.decode, 'speculative')}",
        marks=[
            mark_of(pair.decode, "speculative", decode.kind),
            mark_of(pair.prefill, "speculative", kind),
        ],
    )


def _different_tokens(
    pair: Pair, prefill: Speculative | None, decode: Speculative | None
) -> Iterator[Finding]:
    """The number of tokens of both services with a model that has Mamba layers."""
    of_prefill = prefill.tokens if prefill else 0
    of_decode = decode.tokens if decode else 0
    if of_prefill == of_decode:
        return
    fix = f"remove {key_of(pair.prefill, 'speculative')}"
    if prefill and decode:
        fix = f"write {key_of(pair.prefill, 'speculative.tokens')}: {of_decode}"
    elif decode:
        fix = f"remove {key_of(pair.decode, 'speculative')}"
    yield error(
        f"{pair.prefill.name} proposes {of_prefill} tokens, and {pair.decode.name} {of_decode}",
        why="the service for decode finds the state of the Mamba layers by its own number of tokens"
        f" ({_MOONCAKE}:867 of 0.23.0)",
        fix=fix,
        marks=[
            mark_of(pair.prefill, "speculative", str(of_prefill)),
            mark_of(pair.decode, "speculative", str(of_decode)),
        ],
    )


def _further_tokens(pair: Pair, prefill: Speculative) -> Finding:
    key = "speculative.tokens"
    return warning(
        f"{pair.prefill.name} proposes {prefill.tokens} tokens, but a server for prefill needs only one",
        why=f"it generates one token for each prompt ({_GUIDE})",
        fix=f"write {key_of(pair.prefill, key)}: 1",
        marks=[mark_of(pair.prefill, key)],
    )
