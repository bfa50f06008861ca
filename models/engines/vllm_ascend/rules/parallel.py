"""The rule on parallelism: context parallelism, and pipelines with speculative decoding."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import LaunchSettings
from models.engines.vllm_ascend.refusals import Problem, refused
from models.engines.vllm_ascend.resets import has_own_blocks
from models.finding import Finding, at

_PREFILL = "prefill-context-parallel-size"
_DECODE = "decode-context-parallel-size"
_INTERLEAVE = "cp-kv-cache-interleave-size"


@rule("error")
def parallel_settings(server: ModelServer) -> Iterator[Finding]:
    """The kinds of parallelism of a server can be used together.

    vllm-ascend exits at start if prefill context parallelism is used with data parallelism, if decode context
    parallelism of sparse attention is not as wide as tensor parallelism, if KV transfer is used with context
    parallelism whose interleave size is not the block size, or if a pipeline is used with MTP
    (vllm_ascend/platform.py).
    """
    yield from refused(server, _data_parallel, _pipeline, _sparse, _interleave)


def _data_parallel(settings: LaunchSettings) -> Iterator[Problem]:
    prefill = settings.flag(_PREFILL)
    ranks = settings.server.engine.data_parallel_size
    if prefill and prefill.number > 1 and ranks > 1:
        yield Problem(
            "prefill-context-data-parallel",
            "prefill context parallelism and data parallelism exclude each other",
            f"{prefill.removal}, or remove engine.dataParallelSize",
            [prefill.mark, at("engine.dataParallelSize", f"{ranks} ranks")],
        )


def _pipeline(settings: LaunchSettings) -> Iterator[Problem]:
    server = settings.server
    stages = server.engine.pipeline_parallel_size
    if server.speculative is None or server.speculative.kind != "mtp":
        return
    if stages > 1 and settings.kv_role != "kv_producer":
        yield Problem(
            "pipeline-mtp",
            f"MTP and {stages} pipeline stages exclude each other",
            "remove speculative",
            [
                at("speculative"),
                at("engine.pipelineParallelSize", f"{stages} stages"),
            ],
        )


def _sparse(settings: LaunchSettings) -> Iterator[Problem]:
    decode = settings.flag(_DECODE)
    parts = settings.server.engine.tensor_parallel_size
    if not settings.is_sparse or decode is None or decode.number in (0, 1, parts):
        return
    yield Problem(
        "decode-context-parallel-sparse",
        f"{decode.name} {decode.value} differs from the tensor parallel size {parts}, for a sparse model",
        f"write {decode.key}: {parts}, or {decode.removal}",
        [decode.mark, at("engine.tensorParallelSize", f"{parts} NPUs")],
    )


def _interleave(settings: LaunchSettings) -> Iterator[Problem]:
    contexts = [settings.flag(name) for name in (_PREFILL, _DECODE)]
    wide = [context for context in contexts if context and context.number > 1]
    if not wide or not settings.kv_transfer:
        return
    block = _block_size(settings)
    interleave = settings.flag(_INTERLEAVE)
    size = 1
    if interleave:
        size = int(interleave.number)
    if size == block:
        return
    key = "engine.extraArgs.cpKvCacheInterleaveSize"
    marks = [wide[0].mark]
    if interleave:
        key = interleave.key
        marks.append(interleave.mark)
    yield Problem(
        "context-parallel-interleave",
        f"KV transfer with context parallelism needs the interleave size {block}, not {size}",
        f"write {key}: {block}",
        marks,
    )


def _block_size(settings: LaunchSettings) -> int:
    """The block size after the plugin has replaced it (vllm_ascend/utils.py)."""
    if has_own_blocks(settings):
        return settings.server.engine.block_size
    if settings.prefix_caching or settings.chunked_prefill:
        return settings.plugin.block_size.default
    return settings.server.engine.block_size
