"""Two paired services: each gets the facts about the other one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.engines.group import ResolvedGroup
from models.engines.kv_transfer import KvTransferEnd, ParallelSizes
from models.service.resolved import ResolvedService
from models.stack_file.keys.cluster import Pool
from models.stack_file.keys.kv_transfer import KvTransfer

MOONCAKE_PORTS = 20_000
"""The first port of the range in which Mooncake opens ports (vllm-ascend, pd_disaggregation_mooncake_multi_node.md)."""

MOONCAKE_PORTS_OF_NPU = 1_000
"""Ports in this range for each NPU of a node."""

_LARGEST_NODE = 16
"""NPUs of a node of A3, which has the most."""

_BELOW_MOONCAKE = 10_000
"""The difference that moves the default ports of a group, around 29500, below the range of Mooncake."""

_LAYERS_OF_STAGES = "VLLM_PP_LAYER_PARTITION"
"""The variable that divides the layers of a model over its pipeline stages (vllm/envs.py)."""

_STEP = 100
"""Ports of the two services are a multiple of this apart, so that they are easily read."""


def with_kv_transfer(
    services: Sequence[ResolvedService], config: KvTransfer | None
) -> list[ResolvedService]:
    """The services of a stack; both services of the pair have the facts about the other one.

    They stay unchanged if there is no pair, or if a service of it is missing.
    """
    named = {service.name: service for service in services}
    if config is None or not {config.prefill, config.decode} <= named.keys():
        return list(services)
    prefill = _sizes(named[config.prefill])
    decode = _sizes(named[config.decode])
    first = config.port or first_free_port(services[0].cluster.pools)
    ends = {
        config.prefill: KvTransferEnd(
            role="prefill",
            pair=config.decode,
            peer=config.decode,
            peer_is_group=named[config.decode].group is not None,
            connector=config.connector,
            port=first,
            prefill=prefill,
            decode=decode,
        ),
        config.decode: KvTransferEnd(
            role="decode",
            pair=config.decode,
            peer=config.prefill,
            peer_is_group=named[config.prefill].group is not None,
            connector=config.connector,
            port=first + _rounded_up(prefill.npus),
            prefill=prefill,
            decode=decode,
        ),
    }
    paired = []
    for service in services:
        end = ends.get(service.name)
        if end is None:
            paired.append(service)
        else:
            group = _beside_mooncake(service.group)
            paired.append(
                replace(service, kv_transfer=end, router=config.router, group=group)
            )
    return paired


def _beside_mooncake(group: ResolvedGroup | None) -> ResolvedGroup | None:
    """A group whose default ports are below the range of Mooncake."""
    if group is None:
        return None
    lower = {}
    for field in ("port", "member_port"):
        if field not in group.model_fields_set:
            lower[field] = getattr(group, field) - _BELOW_MOONCAKE
    return group.model_copy(update=lower)


def first_free_port(pools: Mapping[str, Pool]) -> int:
    """The first port above the range of Mooncake on the largest node of the pools."""
    nodes = [pool.npus_per_node for pool in pools.values()]
    largest = max(nodes, default=_LARGEST_NODE)
    return MOONCAKE_PORTS + MOONCAKE_PORTS_OF_NPU * largest


def _sizes(service: ResolvedService) -> ParallelSizes:
    engine = service.engine
    return ParallelSizes(
        tensor=engine.tensor_parallel_size,
        data=engine.data_parallel_size,
        pipeline=engine.pipeline_parallel_size,
        prefill_context=engine.prefill_context_parallel_size,
        layers_of_stages=service.env.get(_LAYERS_OF_STAGES, ""),
    )


def _rounded_up(ports: int) -> int:
    steps = -(-ports // _STEP)
    return steps * _STEP
