"""How the pods of one server over several nodes start together."""

from __future__ import annotations

from models.engines.engine_args import ResolvedEngine
from models.engines.group import Group, LaunchForm, ResolvedGroup
from models.words import counted

_PORTS = {"dataParallel": 29550, "nnodes": 29501}
"""vLLM's own ports (--data-parallel-rpc-port and --master-port, vllm/config/parallel.py)."""

_MEMBER_PORT = 29600

_HCCL_PORT = 60000
"""The first port of HCCL without HCCL_IF_BASE_PORT (CANN)."""


def resolve_group(
    config: Group | None,
    engine: ResolvedEngine,
    *,
    nodes: int,
    npus: int,
    because: dict[str, str],
) -> ResolvedGroup | None:
    """The group with all defaults; None if a server is one pod. Reasons are added to `because`.

    Args:
        config: The keys of the stack file.
        engine: The engine, with its parallel sizes.
        nodes: Pods of one server.
        npus: NPUs of each pod.
        because: The reasons for defaults, by key.
    """
    if nodes == 1:
        return None
    config = config or Group()
    launch = config.launch
    if launch is None:
        launch, because["group.launch"] = launch_form(engine, npus)
    port = config.port
    if port is None:
        port = _PORTS[launch]
        because["group.port"] = f"vLLM's own for {launch}"
    return ResolvedGroup.model_construct(
        config.model_fields_set,
        launch=launch,
        port=port,
        member_port=config.member_port or _MEMBER_PORT,
        hccl_port=config.hccl_port or _HCCL_PORT,
    )


def launch_form(engine: ResolvedEngine, npus: int) -> tuple[LaunchForm, str]:
    """How the engine is spread over pods with so many NPUs, and the reason."""
    copy = engine.npus_used // engine.data_parallel_size
    copies = engine.data_parallel_size
    if copies == 1:
        return "nnodes", f"one copy of the engine on {counted(copy, 'NPU')}"
    if copy > npus:
        return (
            "nnodes",
            f"a copy of the engine takes {counted(copy, 'NPU')}, a node has {npus}",
        )
    return (
        "dataParallel",
        f"{copies} copies of the engine, each on {counted(copy, 'NPU')} of one node",
    )
