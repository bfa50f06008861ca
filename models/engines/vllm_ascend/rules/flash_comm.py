"""The rule on FlashComm, the plugin's distribution of activations over NPUs."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.capture_sizes import default_sizes
from models.engines.vllm_ascend.launch_settings import LaunchSettings, Setting
from models.engines.vllm_ascend.refusals import Problem, refused
from models.finding import Finding, at


@rule("error")
def flash_comm(server: ModelServer) -> Iterator[Finding]:
    """FlashComm is used with the parallelism that it needs.

    FlashComm1 needs several NPUs a layer, a capture size that they divide, and expert parallelism for a MoE model.
    FlashComm2 needs a size that divides the tensor parallel size and is below it. vllm-ascend exits at start without
    them (vllm_ascend/platform.py, vllm_ascend/utils.py).
    """
    yield from refused(server, _flash_comm_1, _flash_comm_2)


def _flash_comm_1(settings: LaunchSettings) -> Iterator[Problem]:
    flash_comm = _switch(settings)
    if flash_comm is None or not flash_comm.value:
        return
    engine = settings.server.engine
    parts = engine.tensor_parallel_size
    if parts == 1:
        yield Problem(
            "flashcomm1-tensor-parallel",
            f"{flash_comm.name} needs a tensor parallel size above 1",
            flash_comm.removal,
            [flash_comm.mark, at("engine.tensorParallelSize", "one NPU")],
        )
        return
    if settings.is_moe and not engine.enable_expert_parallel:
        yield Problem(
            "flashcomm1-expert-parallel",
            f"{flash_comm.name} needs expert parallelism for a MoE model",
            f"write engine.enableExpertParallel: true, or {flash_comm.removal}",
            [
                flash_comm.mark,
                at("engine.enableExpertParallel"),
                at("model.name", "a MoE model"),
            ],
        )
    yield from _capture_sizes(settings, flash_comm, parts)


def _switch(settings: LaunchSettings) -> Setting | None:
    """The setting that turns FlashComm1 on: the key, the variable, or the variable of older releases."""
    found = settings.key_or_variable(
        "enable_flashcomm1", "VLLM_ASCEND_ENABLE_FLASHCOMM1"
    )
    old = "VLLM_ASCEND_ENABLE_FLASHCOMM"
    is_off = found is None or not found.value
    if is_off and old in settings.plugin.variables:
        return settings.variable(old)
    return found


def _capture_sizes(
    settings: LaunchSettings, flash_comm: Setting, parts: int
) -> Iterator[Problem]:
    sizes = settings.capture_sizes
    if settings.graph_mode == "NONE":
        return
    if sizes is None:
        yield from _default_sizes(settings, flash_comm, parts)
        return
    numbers = [size for size in sizes.value if type(size) is int]
    if not numbers or any(size % parts == 0 for size in numbers):
        return
    enough = [*numbers, _next_multiple(max(numbers), parts)]
    yield Problem(
        "flashcomm1-capture-sizes",
        f"{flash_comm.name} needs a capture size that is a multiple of {parts}",
        f"write {sizes.key}: {enough}, or {flash_comm.removal}",
        [
            flash_comm.mark,
            sizes.mark,
            at("engine.tensorParallelSize", f"{parts} NPUs"),
        ],
    )


def _default_sizes(
    settings: LaunchSettings, flash_comm: Setting, parts: int
) -> Iterator[Problem]:
    """The sizes that follow from `maxNumSeqs`."""
    sizes = default_sizes(settings)
    if any(size % parts == 0 for size in sizes):
        return
    yield Problem(
        "flashcomm1-capture-sizes",
        f"{flash_comm.name} needs a capture size that is a multiple of {parts}, but the largest is {sizes[-1]}",
        f"{flash_comm.removal}, or write engine.maxNumSeqs: {8 * parts}",
        [
            flash_comm.mark,
            at("engine.maxNumSeqs", "the default sizes follow from it"),
            at("engine.tensorParallelSize", f"{parts} NPUs"),
        ],
    )


def _next_multiple(number: int, factor: int) -> int:
    return -(-number // factor) * factor


def _flash_comm_2(settings: LaunchSettings) -> Iterator[Problem]:
    size = settings.key_or_variable(
        "enable_flashcomm2_parallel_size", "VLLM_ASCEND_FLASHCOMM2_PARALLEL_SIZE"
    )
    if size is None or size.number <= 0:
        return
    sharding = settings.key("layer_sharding")
    if sharding and sharding.value and sharding.value != ["o_proj"]:
        yield Problem(
            "flashcomm2-layer-sharding",
            f"{size.name} allows only [o_proj] as {sharding.name}",
            f"write {sharding.key}: [o_proj], or {size.removal}",
            [size.mark, sharding.mark],
        )
    yield from _size_problems(settings, size)
    if settings.is_consumer:
        yield Problem(
            "flashcomm2-consumer",
            f"{size.name} is set on a server with the KV role {settings.kv_role}",
            size.removal,
            [size.mark, at("engine.extraArgs", "its KV role")],
        )


def _size_problems(settings: LaunchSettings, size: Setting) -> Iterator[Problem]:
    parts = settings.server.engine.tensor_parallel_size
    mark = at("engine.tensorParallelSize", f"{parts} NPUs")
    if size.number >= parts:
        yield Problem(
            "flashcomm2-size",
            f"{size.name} is {size.value}, not below the tensor parallel size {parts}",
            size.removal,
            [size.mark, mark],
        )
    elif parts % size.number:
        yield Problem(
            "flashcomm2-multiple",
            f"the tensor parallel size {parts} is not a multiple of {size.name} {size.value}",
            size.removal,
            [size.mark, mark],
        )
