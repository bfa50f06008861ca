"""The CPUs and the memory of a pod, with all defaults."""

from __future__ import annotations

import math

from models.engines.engine_args import ResolvedEngine
from models.engines.memory import GIB
from models.engines.model_server import extra_argument
from models.engines.release import Release
from models.service.resolved import Cluster
from models.stack_file.keys.operation import ResolvedResources, Resources
from models.words import counted

_CPUS_OF_AN_NPU = 11
_MEMORY_OF_AN_NPU = 60 * GIB

_SHM_OF_AN_NPU = 8 * GIB
"""Shared memory for each NPU of a group: HCCL hung with 15 GiB for 16 NPUs, and not with 128 (vllm-ascend, PR 8693)."""


def resolve_resources(
    config: Resources,
    engine: ResolvedEngine,
    release: Release,
    *,
    npus: int,
    cluster: Cluster,
    because: dict[str, str],
) -> ResolvedResources:
    """The resources of a pod. The reason for each default is added to `because`.

    A default fits the requests of the stack file: the memory has room for its shared memory and for what the engine
    reserves, and the shared memory is smaller than its memory.
    """
    usual = f"default for {counted(npus, 'NPU')}"
    for key in ("cpu", "memory", "shm"):
        if getattr(config, key) is None:
            because[f"resources.{key}"] = usual

    cpu = config.cpu
    if cpu is None:
        cpu = _CPUS_OF_AN_NPU * npus
    shm = config.shm
    if shm is None:
        shm = _default_shm(config, engine, npus)
    memory = config.memory
    if memory is None:
        memory = _default_memory(npus, cluster)
        room = _requested_room(config, engine, release, shm)
        enough = _enough_memory(memory, room, cluster)
        if enough > memory:
            because["resources.memory"] = f"{usual}, and room for shared memory"
            memory = enough
    return ResolvedResources.model_construct(
        config.model_fields_set, cpu=cpu, memory=memory, shm=shm
    )


def _requested_room(
    config: Resources, engine: ResolvedEngine, release: Release, shm: int
) -> int:
    """Bytes of shared and reserved memory, if the stack file sets one of both; else 0."""
    arguments = engine.extra_args
    reserved = extra_argument(arguments, release.pinned_memory.flag, release)
    if not config.shm and not reserved:
        return 0
    return shm + release.pinned_bytes(arguments, engine.npus_used)


def _default_shm(config: Resources, engine: ResolvedEngine, npus: int) -> int:
    """The size of `/dev/shm` by the processes that use it; at most half of the memory in the stack file."""
    is_group = engine.npus_used > npus
    if is_group:
        shm = _SHM_OF_AN_NPU * npus
    elif engine.distributed_executor_backend == "ray":
        shm = 32 * GIB
    elif engine.npus_used > 1:
        shm = 16 * GIB
    else:
        shm = 2 * GIB
    if config.memory is not None and config.memory <= shm:
        return config.memory // 2
    return shm


def _default_memory(npus: int, cluster: Cluster) -> int:
    """The memory of a pod: for each NPU its share of the smallest node's memory, at most 60 GiB."""
    shares = [
        pool.node_memory * 9 // 10 // pool.npus_per_node
        for pool in cluster.pools.values()
        if pool.node_memory
    ]
    memory_of_an_npu = min([_MEMORY_OF_AN_NPU, *shares]) // GIB * GIB
    return memory_of_an_npu * npus


def _enough_memory(memory: int, reserved: int, cluster: Cluster) -> int:
    """The reserved memory, and half of the default for the rest; at most the memory of the largest node."""
    enough = reserved + memory // 2
    nodes = [pool.node_memory for pool in cluster.pools.values() if pool.node_memory]
    if nodes:
        largest = max(nodes)
        free = largest * 9 // 10
        least = min(reserved + GIB, largest)
        enough = min(enough, max(free, least))
    return math.ceil(enough / GIB) * GIB
