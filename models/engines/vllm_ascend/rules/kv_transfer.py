"""The rule on servers that transfer KV cache: prefill and decode on separate servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import LaunchSettings, Setting
from models.engines.vllm_ascend.refusals import Problem, refused
from models.finding import Finding, Mark, at

_FLAG = "kv-transfer-config"


@rule("error")
def kv_transfer(server: ModelServer) -> Iterator[Finding]:
    """Settings that depend on the KV role of a server fit the role, and the sizes of both sides fit the server.

    A producer computes prompts, a consumer generates tokens. vllm-ascend exits at start with other combinations
    (vllm_ascend/platform.py, vllm_ascend/ascend_config.py, vllm_ascend/utils.py).
    """
    yield from refused(
        server,
        _layer_sharding,
        _multiples,
        _own_sizes,
        _nz_cache,
        _reduce_sample,
        _balance_scheduling,
        _recompute_scheduler,
    )


def _layer_sharding(settings: LaunchSettings) -> Iterator[Problem]:
    sharding = settings.key("layer_sharding")
    if sharding and sharding.value and settings.kv_role != "kv_producer":
        yield Problem(
            "layer-sharding-producer",
            f"{sharding.name} needs a server with the KV role kv_producer",
            sharding.removal,
            [sharding.mark, *_role_marks(settings)],
        )


def _role_marks(settings: LaunchSettings) -> list[Mark]:
    """A mark on the KV role, if the service itself has one."""
    if settings.kv_role is None or settings.server.kv_transfer:
        return []
    return [extra_argument_mark(settings.server, _FLAG, settings.kv_role)]


def _multiples(settings: LaunchSettings) -> Iterator[Problem]:
    if settings.server.kv_transfer:
        return  # kv-transfer-sizes reports it for both services
    prefill = _side(settings, "prefill").get("tp_size", 1)
    decode = _side(settings, "decode").get("tp_size", 1)
    if type(prefill) is not int or type(decode) is not int or decode < 1:
        return
    if settings.is_mla is not False or prefill % decode == 0:
        return
    yield Problem(
        "kv-transfer-prefill-multiple",
        f"the prefill tp_size {prefill} is not a multiple of the decode tp_size {decode}",
        _size_edit(settings, "prefill", "tp_size", decode),
        [extra_argument_mark(settings.server, _FLAG)],
    )


def _side(settings: LaunchSettings, side: str) -> Mapping[str, Any]:
    """The sizes of one side, `prefill` or `decode`, in the configuration of the connector."""
    config = settings.kv_transfer.get("kv_connector_extra_config")
    if not isinstance(config, dict):
        return {}
    sizes = config.get(side)
    return sizes if isinstance(sizes, dict) else {}


def _size_edit(settings: LaunchSettings, side: str, name: str, size: int) -> str:
    key = extra_argument_key(settings.server, _FLAG)
    return f"write {key}.kv_connector_extra_config.{side}.{name}: {size}"


def _own_sizes(settings: LaunchSettings) -> Iterator[Problem]:
    engine = settings.server.engine
    sizes_of_server = {
        "tp_size": (
            "kv-transfer-tensor-parallel",
            "engine.tensorParallelSize",
            engine.tensor_parallel_size,
        ),
        "dp_size": (
            "kv-transfer-data-parallel",
            "engine.dataParallelSize",
            engine.data_parallel_size,
        ),
    }
    sides = {"prefill": settings.is_producer, "decode": settings.is_consumer}
    for side, is_own in sides.items():
        sizes = _side(settings, side) if is_own else {}
        for name, (refusal, field, size) in sizes_of_server.items():
            if name not in sizes or sizes[name] == size:
                continue
            yield Problem(
                refusal,
                f"the {side} {name} is {sizes[name]}, but {field} of this server is {size}",
                _size_edit(settings, side, name, size),
                [extra_argument_mark(settings.server, _FLAG), at(field, str(size))],
            )


def _nz_cache(settings: LaunchSettings) -> Iterator[Problem]:
    layout = settings.key("enable_kv_nz")
    if layout is None or not layout.value:
        return
    if settings.is_mla is False or settings.is_sparse:
        yield Problem(
            "kv-nz-mla",
            f"{layout.name} needs a model with multi-head latent attention that is not sparse",
            layout.removal,
            [layout.mark, at("model.name")],
        )
    elif not settings.is_consumer:
        yield Problem(
            "kv-nz-consumer",
            f"{layout.name} needs a server with the KV role kv_consumer",
            layout.removal,
            [layout.mark, *_role_marks(settings)],
        )


def _reduce_sample(settings: LaunchSettings) -> Iterator[Problem]:
    switch = settings.key("enable_reduce_sample")
    if switch and switch.value and settings.kv_role == "kv_producer":
        yield _wrong_role("reduce-sample-producer", settings, switch)


def _wrong_role(refusal: str, settings: LaunchSettings, switch: Setting) -> Problem:
    role = settings.kv_role or "none"
    return Problem(
        refusal,
        f"{switch.name} is on, but the KV role of the server is {role}",
        switch.removal,
        [switch.mark, *_role_marks(settings)],
    )


def _balance_scheduling(settings: LaunchSettings) -> Iterator[Problem]:
    switch = settings.key_or_variable(
        "enable_balance_scheduling", "VLLM_ASCEND_BALANCE_SCHEDULING"
    )
    if switch and switch.value and settings.kv_transfer and _is_divided(settings):
        yield _wrong_role("balance-scheduling-kv-transfer", settings, switch)


def _is_divided(settings: LaunchSettings) -> bool:
    """Whether the server only computes prompts or only generates tokens."""
    return settings.kv_role != "kv_both"


def _recompute_scheduler(settings: LaunchSettings) -> Iterator[Problem]:
    switch = settings.key("recompute_scheduler_enable")
    if switch is None or not switch.value:
        return
    if settings.kv_role in (None, "kv_both"):
        yield _wrong_role("recompute-scheduler-kv-transfer", settings, switch)
        yield _wrong_role("recompute-scheduler-consumer", settings, switch)
