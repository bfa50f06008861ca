"""Checks of the batch sizes with a graph; the rule `engine-limit` applies them."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.argv import compilation_config
from models.engines.vllm_ascend.capture_sizes import default_sizes
from models.engines.vllm_ascend.launch_settings import Setting, find_setting
from models.engines.vllm_ascend.refusals import Problem, settings_of
from models.finding import at

_WITH_GRAPHS = (None, 3, "3", "VLLM_COMPILE")
"""Compilation modes that capture graphs by default; None is the default mode."""


def capture_sizes(server: ModelServer) -> Iterator[Problem]:
    """Listed sizes exist, and at least one of them is possible and the largest one."""
    if not _captures_graphs(server):
        return
    yield from _no_capture_size(server)
    sizes = _compilation_field(server, "cudagraph_capture_sizes")
    graph_sizes = getattr(server.graph, "capture_sizes", None)
    if graph_sizes:
        sizes = Setting(graph_sizes, "graph.captureSizes", at("graph.captureSizes"))
    if sizes is None or not isinstance(sizes.value, list):
        return
    if not sizes.value:
        yield Problem(
            "capture-sizes-empty",
            f"{sizes.name} is empty, but graphs need a size",
            sizes.removal,
            [sizes.mark],
        )
        return
    if all(type(size) is int and size < 1 for size in sizes.value):
        yield Problem(
            "capture-sizes-least",
            f"no size of {sizes.name} is above 0, but graphs need one",
            sizes.removal,
            [sizes.mark],
        )
        return
    tokens = server.engine.max_num_batched_tokens
    if all(type(size) is int and size > tokens for size in sizes.value):
        yield Problem(
            "capture-sizes-least",
            f"every size of {sizes.name} exceeds maxNumBatchedTokens {tokens}, so no graph is left",
            sizes.removal,
            [sizes.mark, at("engine.maxNumBatchedTokens", f"{tokens} tokens")],
        )
        return
    yield from _largest_capture_size(server, sizes)


def sizes_above_zero(server: ModelServer) -> Iterator[Problem]:
    """The numbers of tokens that vLLM compiles or captures for are above 0."""
    refusals = {
        "compile_ranges_endpoints": "compile-ranges",
        "encoder_cudagraph_token_budgets": "encoder-budgets",
    }
    for field, refusal in refusals.items():
        sizes = _compilation_field(server, field)
        if sizes is None or not isinstance(sizes.value, list):
            continue
        below = [size for size in sizes.value if type(size) is int and size < 1]
        if below:
            yield Problem(
                refusal,
                f"{sizes.name} contains {below[0]}, which is not above 0",
                sizes.removal,
                [sizes.mark],
            )


def _no_capture_size(server: ModelServer) -> Iterator[Problem]:
    largest = _compilation_field(server, "max_cudagraph_capture_size")
    if largest is None or type(largest.value) is not int or largest.value >= 1:
        return
    yield Problem(
        "capture-sizes-least",
        f"{largest.name} is {largest.value}, but graphs need a size of at least 1",
        largest.removal,
        [largest.mark],
    )


def _largest_capture_size(server: ModelServer, sizes: Setting) -> Iterator[Problem]:
    """vLLM drops sizes above `maxNumBatchedTokens`, and then compares the largest of the others."""
    largest = _compilation_field(server, "max_cudagraph_capture_size")
    if largest is None or not largest.number:
        return
    tokens = server.engine.max_num_batched_tokens
    used = [size for size in sizes.value if size <= tokens]
    if largest.number not in (max(sizes.value), max(used, default=0)):
        yield Problem(
            "capture-sizes-largest",
            f"{largest.name} {largest.value} is not the largest of {sizes.name}, {max(sizes.value)}",
            largest.removal,
            [largest.mark, sizes.mark],
        )


def sequence_parallel_sizes(server: ModelServer) -> Iterator[Problem]:
    """With sequence parallelism, vLLM keeps only the sizes that the tensor parallel size divides, and needs one."""
    settings = settings_of(server)
    path = ("pass_config", "enable_sp")
    config = server.engine.compilation_config
    switch = find_setting("engine.compilationConfig", config, path)
    parts = server.engine.tensor_parallel_size
    if settings is None or switch is None or switch.value is not True or parts == 1:
        return
    if not _captures_graphs(server):
        return
    listed = settings.capture_sizes
    if listed:
        sizes = listed.value
        mark = listed.mark
    else:
        sizes = default_sizes(settings)
        mark = at("engine.maxNumSeqs", "the sizes follow from it")
    if any(type(size) is int and size % parts == 0 for size in sizes):
        return
    yield Problem(
        "capture-sizes-sequence-parallel",
        f"{switch.name} needs a capture size that is a multiple of {parts}",
        switch.removal,
        [
            switch.mark,
            mark,
            at("engine.tensorParallelSize", f"{parts} NPUs"),
        ],
    )


def _captures_graphs(server: ModelServer) -> bool:
    """Whether the server certainly captures graphs."""
    if server.graph.kind == "eager":
        return False
    if server.further("optimization-level") is not None:
        return False
    config = compilation_config(server)
    if config.get("mode") not in _WITH_GRAPHS:
        return False
    graph_mode = config.get("cudagraph_mode", "")
    return str(graph_mode).upper() != "NONE"


def _compilation_field(server: ModelServer, name: str) -> Setting | None:
    """A field of `--compilation-config`, or the flag of the same name, which vLLM writes into it."""
    config = server.engine.compilation_config
    found = find_setting("engine.compilationConfig", config, (name,))
    flag = name.replace("_", "-")
    value = server.further(flag)
    if found or value is None:
        return found
    key = extra_argument_key(server, flag)
    return Setting(value, key, extra_argument_mark(server, flag))
