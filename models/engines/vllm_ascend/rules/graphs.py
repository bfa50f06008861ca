"""Rules on graphs: blocking launches, static kernels and xlite graphs."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import LaunchSettings
from models.engines.vllm_ascend.refusals import Problem, refused
from models.finding import Finding, at

_KERNEL_BLOCK = 128
"""Tokens in a block of the KV cache that xlite graphs work with."""


@rule("error")
def graph_settings(server: ModelServer) -> Iterator[Finding]:
    """The settings of graphs fit together.

    vllm-ascend exits at start if graphs are captured while `ASCEND_LAUNCH_BLOCKING` is 1, if static kernels are on
    without npugraph_ex, or if xlite graphs are used with pipeline parallelism, or with speculative decoding that they
    do not support (vllm_ascend/platform.py, vllm_ascend/ascend_config.py).
    """
    yield from refused(server, _launch_blocking, _static_kernel, _xlite)


def _launch_blocking(settings: LaunchSettings) -> Iterator[Problem]:
    blocking = settings.variable("ASCEND_LAUNCH_BLOCKING")
    mode = settings.graph_mode
    if blocking is None or blocking.value != 1 or mode in (None, "NONE"):
        return
    yield Problem(
        "graphs-launch-blocking",
        f"ASCEND_LAUNCH_BLOCKING is 1, but the graphs are {mode}",
        f"{blocking.removal}, or write graph: eager",
        [blocking.mark, at("graph", "graphs are captured")],
    )


def _static_kernel(settings: LaunchSettings) -> Iterator[Problem]:
    kernel = settings.key("ascend_compilation_config", "enable_static_kernel")
    npugraph = settings.key("ascend_compilation_config", "enable_npugraph_ex")
    if kernel is None or not kernel.value:
        return
    if npugraph is None or npugraph.value:
        return
    yield Problem(
        "static-kernel-npugraph-ex",
        f"{kernel.name} is on, but {npugraph.name} is off",
        f"{kernel.removal}, or {npugraph.removal}",
        [kernel.mark, npugraph.mark],
    )


def _xlite(settings: LaunchSettings) -> Iterator[Problem]:
    xlite = settings.key("xlite_graph_config", "enabled")
    if xlite is None or not xlite.value:
        return
    server = settings.server
    speculative = server.speculative
    if speculative:
        for refusal, is_refused in (
            ("xlite-speculative", True),
            ("xlite-speculative-tokens", speculative.tokens != 1),
        ):
            if is_refused:
                yield Problem(
                    refusal,
                    f"xlite graphs and speculative decoding of {speculative.tokens} tokens exclude each other",
                    f"{xlite.removal}, or remove speculative",
                    [xlite.mark, at("speculative")],
                )
    stages = server.engine.pipeline_parallel_size
    if stages > 1:
        yield Problem(
            "xlite-pipeline",
            f"xlite graphs and {stages} pipeline stages exclude each other",
            xlite.removal,
            [xlite.mark, at("engine.pipelineParallelSize", f"{stages} stages")],
        )
    is_default = "engine.blockSize" not in server.configured
    if is_default or server.engine.block_size != _KERNEL_BLOCK:
        yield Problem(
            "xlite-block-size",
            "xlite graphs need engine.blockSize: 128, also where it is the default",
            f"write engine.blockSize: {_KERNEL_BLOCK}, or {xlite.removal}",
            [xlite.mark, at("engine.blockSize")],
        )
