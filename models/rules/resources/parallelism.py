"""Rules on the NPUs of a pod: what the engine uses, and what a node can allocate."""

from __future__ import annotations

import math
from collections.abc import Iterator

from models.engines.edits import (
    extra_argument_mark,
    is_written,
    npus_edit,
    tensor_parallel_edit,
)
from models.finding import Finding, Mark, at, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.words import counted

_PREFILL_CONTEXT = "prefill-context-parallel-size"


@rule("error")
def visible_devices(service: ResolvedService) -> Iterator[Finding]:
    """`visibleDevices` contains each NPU of the pod once, counted from 0.

    Inside the container, the NPUs are numbered 0 to npus - 1, whichever cards the node allocated
    (`ASCEND_RT_VISIBLE_DEVICES`; manual, Step 3). With fewer indices, vLLM starts on fewer cards. With an index that
    the pod does not have, it fails with error 507033.
    """
    expected = list(range(service.npus))
    if sorted(service.visible_devices) == expected:
        return
    configured = ",".join(map(str, service.visible_devices)) or "none"
    yield error(
        f"visibleDevices has the indices {configured}, but the pod has {counted(service.npus, 'NPU')}",
        why=f"inside the container the NPUs are numbered 0 to {service.npus - 1} (manual, Step 3)",
        fix=f"remove visibleDevices, or write visibleDevices: {expected}",
        marks=[
            at("visibleDevices", f"{len(service.visible_devices)} indices"),
            at("npus", counted(service.npus, "NPU")),
        ],
    )


@rule("error")
def parallel_size_above_npus(service: ResolvedService) -> Iterator[Finding]:
    """The product of the parallel sizes is at most the number of NPUs of the pod, or of all pods of a group.

    Each rank of the engine uses one NPU. vLLM exits when its workers start on fewer devices.
    """
    release = service.release
    used = service.engine.npus_used
    if used <= service.npus_of_server:
        return
    available = f"the pod has {service.npus}"
    fix = _fewer_parts_edit(service)
    if service.group:
        available = (
            f"{service.nodes} nodes × {service.npus} are {service.npus_of_server}"
        )
        nodes = math.ceil(used / service.npus)
        fix = f"write nodes: {nodes}, or lower the parallel sizes"
    yield error(
        f"the engine splits the model over {counted(used, 'NPU')}, but {available}",
        why=f"each rank needs one NPU, and vLLM {release.version} exits at start ({release.code_places.ranks})",
        fix=fix,
        marks=[
            *_parallel_marks(service),
            at("npus", counted(service.npus, "NPU")),
        ],
    )


@rule("warning")
def idle_npus(service: ResolvedService) -> Iterator[Finding]:
    """The engine uses every NPU that the pod requests, or that all pods of a group request together.

    An NPU without a rank of the engine is idle, and no other pod can use it. The manual's own pod requests eight NPUs
    and starts the engine with `--tensor-parallel-size=1`.
    """
    used = service.engine.npus_used
    idle = service.npus_of_server - used
    if idle <= 0:
        return
    npus = counted(service.npus_of_server, "NPU")
    yield warning(
        f"{service.name} requests {npus} but uses {used}: {idle} idle",
        why="the pod holds all its NPUs, so no other pod can use the idle ones (manual, Step 2 and 3)",
        fix=", or ".join(
            [*_fewer_npus_edits(service), "raise engine.tensorParallelSize"]
        ),
        marks=[
            at("npus", f"{npus} requested"),
            *_parallel_marks(service),
        ],
    )


def _fewer_npus_edits(service: ResolvedService) -> list[str]:
    """The edit with which fewer NPUs are idle, if there is one."""
    used = service.engine.npus_used
    if service.group and used % service.npus == 0:
        return [f"write nodes: {used // service.npus}"]
    used_by_pod = math.ceil(used / service.nodes)
    counts = service.cluster.platform.npu_counts
    enough = [count for count in counts if used_by_pod <= count < service.npus]
    return [npus_edit(service, count) for count in enough[:1]]


@rule("error")
def npus_above_node(service: ResolvedService) -> Iterator[Finding]:
    """A pod requests at most the NPUs of one node.

    All NPUs of a pod are on one node. If no pool has a node with as many NPUs, the pod stays Pending forever.
    """
    pools = service.cluster.pools
    largest = _largest_node(service, default=service.npus)
    if service.npus <= largest:
        return
    edit = npus_edit(service, largest)
    if service.engine.npus_used > largest and is_written(
        service, "engine.tensorParallelSize"
    ):
        edit = _smaller_edit(service, largest) or edit
    yield error(
        f"{service.name} requests {counted(service.npus, 'NPU')}, but no node has more than {largest}",
        why=f"all NPUs of a pod are on one node, so the pod stays Pending; the pools are {', '.join(pools)}",
        fix=f"{edit}, or add the pool with larger nodes to cluster.pools",
        marks=[at("npus", counted(service.npus, "NPU"))],
    )


@rule("error")
def npu_counts(service: ResolvedService) -> Iterator[Finding]:
    """A pod requests a number of NPUs that the device plugin can allocate.

    Huawei's plugin allocates 1, 2, 4, 8 or all 16 NPUs of a node. MindCluster's allocates any number up to 8, and even
    numbers above. A pod with another number stays Pending. `cluster.platform.npuCounts` lists the numbers of a cluster.
    """
    counts = service.cluster.platform.npu_counts
    if service.npus in counts:
        return
    offered = ", ".join(map(str, counts))
    largest = _largest_node(service, default=max(counts))
    on_a_node = [count for count in counts if count <= largest] or counts
    larger = [count for count in on_a_node if count > service.npus]
    nearest = min(larger, default=max(on_a_node))
    yield error(
        f"the device plugin cannot allocate {counted(service.npus, 'NPU')} to one pod (it offers {offered})",
        why=f"a pod with another number stays Pending (device plugin of platform {service.cluster.platform.kind})",
        fix=f"{npus_edit(service, nearest)}, or correct cluster.platform.npuCounts",
        marks=[
            at("npus", counted(service.npus, "NPU")),
            *_parallel_marks(service),
        ],
    )


def _largest_node(service: ResolvedService, default: int) -> int:
    """The most NPUs of a node in the pools; the default if there are no pools."""
    pools = service.cluster.pools.values()
    return max((pool.npus_per_node for pool in pools), default=default)


def _fewer_parts_edit(service: ResolvedService) -> str:
    """The edit after which the engine has an NPU for each part: more NPUs if a node has them, or fewer parts."""
    used = service.engine.npus_used
    counts = service.cluster.platform.npu_counts
    is_offered = used in counts and used <= _largest_node(service, default=used)
    if is_offered:
        return f"{npus_edit(service, used)}, or lower the parallel sizes"
    return (
        _smaller_edit(service, service.npus)
        or _fewer_groups_edit(service)
        or f"lower the parallel sizes to a product of {service.npus}"
    )


def _smaller_edit(service: ResolvedService, npus: int) -> str:
    """The edit after which the engine uses at most a number of NPUs; empty if a smaller tensor parallel size cannot."""
    engine = service.engine
    groups = engine.tensor_groups
    for size in range(npus // groups, 0, -1):
        is_possible = service.facts is None or service.facts.splits(size)
        if is_possible and size * groups in service.cluster.platform.npu_counts:
            return tensor_parallel_edit(service, size)
    return ""


def _fewer_groups_edit(service: ResolvedService) -> str:
    """The edit that writes fewer stages and fewer copies of the engine, so that its tensor parallel groups fit.

    Empty if one group does not fit either, or if the prompts are divided as well.
    """
    engine = service.engine
    if engine.prefill_context_parallel_size > 1:
        return ""
    free = service.npus // engine.tensor_parallel_size
    stages = min(engine.pipeline_parallel_size, free)
    if not stages:
        return ""
    copies = min(engine.data_parallel_size, free // stages)
    edits = []
    if stages != engine.pipeline_parallel_size:
        edits.append(f"write engine.pipelineParallelSize: {stages}")
    if copies != engine.data_parallel_size:
        edits.append(f"write engine.dataParallelSize: {copies}")
    return " and ".join(edits)


def _parallel_marks(service: ResolvedService) -> list[Mark]:
    tensor = service.engine.tensor_parallel_size
    stages = service.engine.pipeline_parallel_size
    copies = service.engine.data_parallel_size
    marks = [at("engine.tensorParallelSize", f"tensor parallel size {tensor}")]
    if stages > 1:
        marks.append(
            at("engine.pipelineParallelSize", f"pipeline parallel size {stages}")
        )
    parts = service.engine.prefill_context_parallel_size
    if parts > 1:
        mark = extra_argument_mark(
            service, _PREFILL_CONTEXT, f"{parts} parts of each prompt"
        )
        marks.append(mark)
    if service.group and copies > 1:
        marks.append(at("engine.dataParallelSize", f"{copies} copies of the engine"))
    return marks
