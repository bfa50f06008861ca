"""NPUs of the pod against what the engine and the nodes make of them."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, Mark, at, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.words import counted


@rule
def visible_devices(service: ResolvedService) -> Iterator[Finding]:
    """`visibleDevices` names every NPU of the pod once, counted from 0.

    Inside the container the NPUs are numbered 0 to npus - 1, whatever cards the node gave
    (`ASCEND_RT_VISIBLE_DEVICES`; manual, Step 3). With another count, vLLM starts on fewer cards than it was told, or
    opens a card that the pod does not have and fails with error 507033.
    """
    if sorted(service.visible_devices) == list(range(service.npus)):
        return
    given = ",".join(map(str, service.visible_devices)) or "none"
    yield error(
        f"visibleDevices names {given}, and the pod has {counted(service.npus, 'NPU')}",
        why=f"inside the container the NPUs are numbered 0 to {service.npus - 1} (manual, Step 3)",
        fix=f"remove visibleDevices, or write {','.join(map(str, range(service.npus)))}",
        marks=[
            at("visibleDevices", f"{len(service.visible_devices)} indices"),
            at("npus", counted(service.npus, "NPU")),
        ],
    )


@rule
def parallel_size_above_npus(service: ResolvedService) -> Iterator[Finding]:
    """Tensor parallel size times pipeline parallel size is at most the pod's NPUs.

    Each rank of the engine takes an NPU of its own; vLLM 0.6.3 refuses more ranks than devices when its workers start
    (vllm/executor/multiproc_gpu_executor.py:134).
    """
    used = service.engine.npus_used
    if used <= service.npus:
        return
    yield error(
        f"the engine splits the model over {counted(used, 'NPU')}, and the pod has {service.npus}",
        why="each rank takes an NPU of its own (vllm/executor/multiproc_gpu_executor.py:134)",
        fix=f"set npus to {used}, or lower the parallel sizes",
        marks=[*_parallel_marks(service), at("npus", counted(service.npus, "NPU"))],
    )


@rule
def idle_npus(service: ResolvedService) -> Iterator[Finding]:
    """The engine uses every NPU that the pod asks for.

    NPUs that no rank of the engine uses stand idle, and no other pod can have them. The manual's own pod asks for
    eight and starts the engine with `--tensor-parallel-size=1`.
    """
    used = service.engine.npus_used
    idle = service.npus - used
    if idle <= 0:
        return
    yield warning(
        f"{service.name} asks for {counted(service.npus, 'NPU')} and uses {used}: {counted(idle, 'card')} idle",
        why="the pod holds its NPUs alone, whether the engine uses them or not",
        fix=f"set npus to {used}, or raise engine.tensorParallelSize",
        marks=[at("npus", f"{counted(service.npus, 'NPU')} asked for"), *_parallel_marks(service)],
    )


@rule
def npus_above_node(service: ResolvedService) -> Iterator[Finding]:
    """A pod asks for at most the NPUs of one node.

    A pod runs on one node; if no pool has a node with as many NPUs, the pod stays Pending for ever.
    """
    pools = service.cluster.pools
    largest = max((pool.npus_per_node for pool in pools.values()), default=service.npus)
    if service.npus <= largest:
        return
    yield error(
        f"{service.name} asks for {counted(service.npus, 'NPU')}, and no node has more than {largest}",
        why=f"a pod runs on one node; the pools are {', '.join(pools)}",
        fix=f"set npus to {largest} or less, or name the pool that has larger nodes under cluster.pools",
        marks=[at("npus", counted(service.npus, "NPU"))],
    )


@rule
def npu_counts(service: ResolvedService) -> Iterator[Finding]:
    """A pod asks for a number of NPUs that the platform's device plugin gives.

    Huawei's plugin gives 1, 2, 4, 8 or a whole node of 16, MindCluster's any number up to 8 and even ones above; a pod
    that asks for another stays Pending. `cluster.platform.npuCounts` says what the plugin of a cluster gives.
    """
    counts = service.cluster.platform.npu_counts
    if service.npus in counts:
        return
    more = [count for count in counts if count > service.npus]
    yield error(
        f"the device plugin gives no {counted(service.npus, 'NPU')} to a pod",
        why=f"on platform {service.cluster.platform.kind} it gives {', '.join(map(str, counts))}",
        fix=f"set npus to {min(more) if more else max(counts)}, or correct cluster.platform.npuCounts",
        marks=[at("npus", counted(service.npus, "NPU")), *_parallel_marks(service)],
    )


def _parallel_marks(service: ResolvedService) -> list[Mark]:
    marks = [at("engine.tensorParallelSize", f"tensor parallel size {service.engine.tensor_parallel_size}")]
    if service.engine.pipeline_parallel_size > 1:
        stages = service.engine.pipeline_parallel_size
        marks.append(at("engine.pipelineParallelSize", f"pipeline parallel size {stages}"))
    return marks
