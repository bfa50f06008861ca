"""The rule on finegrained tensor parallelism: parts of a layer that are split over data parallel ranks."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import LaunchSettings, Setting
from models.engines.vllm_ascend.refusals import Problem, refused
from models.finding import Finding, at

_CONFIG = "finegrained_tp_config"
_SIZES = (
    "oproj_tensor_parallel_size",
    "lmhead_tensor_parallel_size",
    "embedding_tensor_parallel_size",
    "mlp_tensor_parallel_size",
    "olora_tensor_parallel_size",
)
_ON_CONSUMERS = {
    "oproj_tensor_parallel_size": "oproj",
    "olora_tensor_parallel_size": "olora",
}
"""Sizes that only a KV consumer with graphs can have, with the beginning of the ids of their refusals."""


@rule("error")
def finegrained_parallel(server: ModelServer) -> Iterator[Finding]:
    """The sizes of `finegrainedTpConfig` fit the model, the data parallel size and the KV role.

    They split parts of a layer over data parallel ranks. vllm-ascend exits at start with other combinations
    (vllm_ascend/ascend_config.py).
    """
    yield from refused(server, _ranks, _consumers, _recompute, _sampling)


def _ranks(settings: LaunchSettings) -> Iterator[Problem]:
    ranks = settings.server.engine.data_parallel_size
    for size in _sizes(settings):
        if settings.is_moe is False:
            yield Problem(
                "finegrained-tp-dense",
                f"{size.name} is set for a model without experts",
                size.removal,
                [size.mark, at("model.name", "no experts")],
            )
        if ranks % size.number:
            yield Problem(
                "finegrained-tp-data-parallel",
                f"{size.name} {size.value} does not divide the data parallel size {ranks}",
                size.removal,
                [size.mark, at("engine.dataParallelSize", f"{ranks} ranks")],
            )


def _sizes(settings: LaunchSettings) -> list[Setting]:
    """The sizes that are on and that the release reads."""
    known = settings.plugin.additional_config[_CONFIG].keys or {}
    found = [settings.key(_CONFIG, name) for name in _SIZES if name in known]
    return [size for size in found if size and size.number > 0]


def _consumers(settings: LaunchSettings) -> Iterator[Problem]:
    server = settings.server
    parts = server.engine.tensor_parallel_size
    for name, refusal in _ON_CONSUMERS.items():
        size = settings.key(_CONFIG, name)
        if size is None or size.number <= 0:
            continue
        if parts > 1:
            yield Problem(
                f"{refusal}-tensor-parallel",
                f"{size.name} needs tensor parallel size 1, not {parts}",
                size.removal,
                [size.mark, at("engine.tensorParallelSize", f"{parts} NPUs")],
            )
        if server.graph.kind == "eager":
            yield Problem(
                f"{refusal}-eager",
                f"{size.name} needs graphs",
                f"{size.removal}, or remove graph",
                [size.mark, at("graph", "no graphs")],
            )
        if not settings.is_consumer:
            yield Problem(
                f"{refusal}-consumer",
                f"{size.name} needs a server with the KV role kv_consumer",
                size.removal,
                [size.mark],
            )


def _recompute(settings: LaunchSettings) -> Iterator[Problem]:
    recompute = settings.key("recompute_scheduler_enable")
    if recompute and recompute.value:
        return
    for name in ("oproj_tensor_parallel_size", "embedding_tensor_parallel_size"):
        size = settings.key(_CONFIG, name)
        if size and size.number > 0:
            yield Problem(
                "finegrained-tp-recompute",
                f"{size.name} needs recomputeSchedulerEnable",
                size.removal,
                [size.mark],
            )


def _sampling(settings: LaunchSettings) -> Iterator[Problem]:
    reduce_sample = settings.key("enable_reduce_sample")
    head = settings.key(_CONFIG, "lmhead_tensor_parallel_size")
    if reduce_sample is None or not reduce_sample.value:
        return
    if head is None or head.number <= 0:
        return
    yield Problem(
        "reduce-sample-lmhead",
        f"{reduce_sample.name} and {head.name} exclude each other",
        f"{reduce_sample.removal}, or {head.removal}",
        [reduce_sample.mark, head.mark],
    )
