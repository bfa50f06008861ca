"""Rules on memory: weights and requests on the NPUs, and pods on the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from models.catalog.facts import ModelFacts
from models.engines.edits import (
    extra_argument_key,
    extra_argument_mark,
    is_written,
    tensor_parallel_edit,
)
from models.engines.memory import GIB
from models.finding import Finding, at, error, warning
from models.record import parse_quantity, quantity_text
from models.rules.registry import facts_rule, rule
from models.service.fit import Fit, fit, largest_fit, largest_memory
from models.service.resolved import ResolvedService
from models.words import counted

_MEMORY_OF_A_PROCESS = GIB
"""The least memory of a process of the server, without weights and shared memory."""


@facts_rule("error")
def does_not_fit(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """The weights and one request of full length fit into the engine's share of the NPUs.

    Otherwise vLLM exits with "No available memory for the cache blocks", or refuses a `maxModelLen` that its KV cache
    cannot hold. Activations are not counted, so a service that passes can still fail. Without `cluster.pools`, the rule
    assumes the largest NPUs that the image can run on. It does not run if weights are offloaded to the CPU.
    """
    if _offloads_weights(service):
        return
    need = _known_or_largest_fit(service, facts)
    if need is None or need.requests:
        return
    release = service.release
    weights = _gib(need.weights)
    budget = _gib(need.budget)
    npus = counted(service.engine.npus_used, "NPU")
    share = service.engine.gpu_memory_utilization
    message = (
        f"the weights of {service.model.name} take {weights} of the engine's {budget}"
    )
    if need.tokens:
        request = _gib(need.length * need.token)
        message += f", and a request of {need.length} tokens takes {request}"
    size = _gib(need.memory)
    if not service.cluster.pools:
        size += " at most"
    yield error(
        f"{message} on each NPU",
        why=f"vLLM {release.version} exits when it creates its KV cache ({release.code_places.kv_cache})",
        fix=_fitting_edit(service, facts, need),
        marks=[
            at(
                "model.name", f"{facts.num_hidden_layers} layers, {weights} on each NPU"
            ),
            at("engine.maxModelLen", f"{need.token} bytes a token"),
            at("engine.tensorParallelSize", f"{npus} of {size}"),
            at("engine.gpuMemoryUtilization", f"the engine's share is {share:g}"),
        ],
    )


def _known_or_largest_fit(service: ResolvedService, facts: ModelFacts) -> Fit | None:
    """How a service fits the pools, or the largest NPUs if the stack file names no pools."""
    if service.cluster.pools:
        return fit(service)
    return largest_fit(service, facts)


def _offloads_weights(service: ResolvedService) -> bool:
    """Whether a part of the weights stays in the memory of the node."""
    offloading = ("cpu-offload-gb", "offload-group-size")
    return any(service.further(flag) for flag in offloading)


def _fitting_edit(service: ResolvedService, facts: ModelFacts, need: Fit) -> str:
    """The edit after which a model fits: the default share of the NPUs, more parts, or shorter requests."""
    size = _fitting_size(service, facts)
    more_parts = tensor_parallel_edit(service, size) if size else ""
    longest = min(need.tokens, facts.longest or need.tokens)
    shorter = f"write engine.maxModelLen: {longest}" if longest else ""
    larger_share = _default_share_edit(service, facts)
    edits = [edit for edit in (larger_share, more_parts, shorter) if edit]
    if edits:
        return ", or ".join(edits)
    if "nodes" not in service.release.absent_keys:
        return "choose a quantized version of the model, or spread it over more nodes (docs/several-nodes.md)"
    return "choose a quantized version of the model, or add a pool whose nodes have more NPUs"


def _default_share_edit(service: ResolvedService, facts: ModelFacts) -> str:
    """The edit that gives the engine its default share of the NPUs; empty if the model does not fit then either."""
    share = service.release.defaults.gpu_memory_utilization
    if service.engine.gpu_memory_utilization >= share:
        return ""
    engine = service.engine.model_copy(update={"gpu_memory_utilization": share})
    need = _known_or_largest_fit(replace(service, engine=engine), facts)
    if need is None or not need.requests:
        return ""
    return f"write engine.gpuMemoryUtilization: {share:g}"


def _fitting_size(service: ResolvedService, facts: ModelFacts) -> int | None:
    """The smallest tensor parallel size with which a model fits the nodes of a server, or None."""
    stages = service.engine.pipeline_parallel_size
    copies = stages * service.engine.data_parallel_size
    largest = _most_npus(service) * service.nodes // copies
    for size in range(service.engine.tensor_parallel_size + 1, largest + 1):
        npus, rest = divmod(size * copies, service.nodes)
        if rest or not facts.splits(size):
            continue
        is_over_nodes = service.engine.data_parallel_size > 1 and size * stages > npus
        if is_over_nodes:
            continue
        if npus not in service.cluster.platform.npu_counts:
            continue
        engine = service.engine.model_copy(update={"tensor_parallel_size": size})
        larger = replace(service, engine=engine, npus=npus)
        need = _known_or_largest_fit(larger, facts)
        if need and need.requests:
            return size
    return None


def _most_npus(service: ResolvedService) -> int:
    """NPUs of the largest node; without pools those that the platform can allocate to a pod."""
    pools = service.cluster.pools.values()
    if not pools:
        return max(service.cluster.platform.npu_counts)
    return max(pool.npus_per_node for pool in pools)


@rule("warning")
def length_above_published(service: ResolvedService) -> Iterator[Finding]:
    """`maxModelLen` and the number of NPUs are within the values that Huawei publishes for the model.

    The documentation of Ascend-vLLM lists the fewest NPUs of a model and the longest length on them (appendix: fewest
    cards and longest sequences). They were measured until the model no longer ran. `ascend-vllm models NAME` prints
    them. They do not hold for a model with `model.facts`.
    """
    if not service.release.has_published_lengths:
        return
    used = service.engine.npus_used
    length = service.engine.max_model_len
    longest_by_npus = _published_lengths(service)
    if not longest_by_npus or _is_published(longest_by_npus, used, length):
        return
    need = fit(service)
    if need and not need.requests:
        return
    fewest = min(longest_by_npus)
    longest = longest_by_npus[fewest]
    yield warning(
        f"maxModelLen {length} on {counted(used, 'NPU')} exceeds the published values of {service.model.name}",
        why=f"Huawei measured {counted(fewest, 'NPU')} up to {longest} tokens, and more may run out of memory"
        " (Ascend-vLLM, appendix: fewest cards, longest sequences)",
        fix=f"{_published_edit(service, longest_by_npus)}, or accept the warning if you have measured it",
        marks=[
            at("engine.maxModelLen", f"{length} tokens"),
            at("engine.tensorParallelSize", counted(used, "NPU")),
        ],
    )


def _published_lengths(service: ResolvedService) -> dict[int, int]:
    """The longest published length of a model by the number of NPUs, for the memory of the cluster's NPUs."""
    known = service.known
    if known is None or known.suffix or service.quantization:
        return {}
    if service.model.facts:
        return {}
    memory = largest_memory(service)
    lengths: dict[int, int] = {}
    for line in known.published:
        if (
            line.npus
            and line.max_model_len
            and parse_quantity(line.npu_memory) == memory
        ):
            lengths[line.npus] = max(line.max_model_len, lengths.get(line.npus, 0))
    return lengths


def _is_published(longest_by_npus: dict[int, int], used: int, length: int) -> bool:
    """Whether a length on a number of NPUs is within the published values. More NPUs than published are enough."""
    if min(longest_by_npus) < used:
        return True
    return longest_by_npus.get(used, 0) >= length


def _published_edit(service: ResolvedService, longest_by_npus: dict[int, int]) -> str:
    """The edit that brings a service within the published values."""
    fewest = min(longest_by_npus)
    longest = longest_by_npus[fewest]
    if service.facts and service.facts.longest:
        longest = min(longest, service.facts.longest)
    shorter = f"write engine.maxModelLen: {longest}"
    if service.engine.npus_used == fewest:
        return shorter
    size = -(-fewest // service.engine.pipeline_parallel_size)
    more_parts = tensor_parallel_edit(service, size)
    if service.engine.max_model_len <= longest:
        return more_parts
    return f"{more_parts} and {shorter}"


@rule("error")
def swap_space(service: ResolvedService) -> Iterator[Finding]:
    """The swap space of all NPUs of a pod takes at most 70 % of the node's memory.

    Each NPU takes `swapSpace` GiB, 4 by default. vLLM 0.6.3 reads the memory of the node, not the limit of the pod, and
    exits at start with more (vllm/config.py:657). Later releases do not swap. The rule runs if a pool has `nodeMemory`.
    """
    swap = service.release.swap_space
    memories = [
        pool.node_memory for pool in service.cluster.pools.values() if pool.node_memory
    ]
    if not memories:
        return
    parts = service.engine.tensor_parallel_size
    configured = service.further("swap-space")
    each = configured if isinstance(configured, int | float) else swap.default
    largest = max(memories)
    most = swap.most * largest / GIB
    if each * parts <= most:
        return
    yield error(
        f"{each * parts:g} GiB of swap space exceed 70 % of the node's {_gib(largest)}",
        why=f"vLLM {service.release.version} exits at start with more ({swap.where})",
        fix=f"write {extra_argument_key(service, 'swap-space')}: {int(most // parts)}",
        marks=[
            extra_argument_mark(service, "swap-space", f"{each:g} GiB for each NPU"),
            at("engine.tensorParallelSize", f"{parts} parts"),
        ],
    )


@rule("error")
def memory_below_pinned(service: ResolvedService) -> Iterator[Finding]:
    """The memory of a pod is larger than what the engine reserves at start.

    vLLM 0.6.3 reserves `swapSpace` GiB of pinned memory for each NPU, 4 by default (vllm/worker/cache_engine.py:82).
    Later releases do not swap. They reserve `kvOffloadingSize` GiB for all NPUs, if it is set. The kernel kills a pod
    above its limit.
    """
    release = service.release
    pinned = release.pinned_memory
    npus = service.engine.npus_used
    memory = service.resources.memory
    extra_args = {**service.engine.extra_args, **service.server.extra_args}
    reserved = release.pinned_bytes(extra_args, npus)
    if memory > reserved or not reserved:
        return
    key = extra_argument_key(service, pinned.flag)
    without_reservation = f"remove {key}"
    if pinned.off is not None:
        without_reservation = f"write {key}: {pinned.off}"
    purpose = f"{pinned.words} for {counted(npus, 'NPU')}"
    yield error(
        f"resources.memory {quantity_text(memory)} does not exceed {quantity_text(reserved)} of {purpose}",
        why=f"vLLM {release.version} reserves it at start ({pinned.where}), and the kernel kills a pod above its limit",
        fix=f"write resources.memory: {quantity_text(memory + reserved)}, or {without_reservation}",
        marks=[
            at("resources.memory"),
            extra_argument_mark(service, pinned.flag),
            at("npus", counted(npus, "NPU")),
        ],
    )


@rule("error")
def memory_below_processes(service: ResolvedService) -> Iterator[Finding]:
    """The memory of a pod has room for the processes of the server: at least 1 GiB for each.

    There is one process for the API server and one for each NPU. Each of them loads Python, PyTorch and CANN. The
    default is a share of the memory of the smallest node in `cluster.pools`.
    """
    npus = min(service.npus, service.engine.npus_used)
    needed = (npus + 1) * _MEMORY_OF_A_PROCESS
    memory = service.resources.memory
    if memory >= needed:
        return
    subject = "resources.memory"
    fix = "remove resources.memory (the default depends on npus)"
    if not is_written(service, "resources.memory"):
        pool = _pool_with_smallest_share(service)
        subject = f"the default of resources.memory on the nodes of pool {pool}"
        fix = f"remove cluster.pools.{pool}.nodeMemory, or correct it"
    yield error(
        f"{subject} {quantity_text(memory)} is less than {quantity_text(needed)} for {npus + 1} processes",
        why="each process loads Python, PyTorch and CANN, and the kernel kills a pod above its limit",
        fix=fix,
        marks=[at("resources.memory"), at("npus", counted(npus, "NPU"))],
    )


def _pool_with_smallest_share(service: ResolvedService) -> str:
    """The pool whose nodes have the least memory for each NPU."""
    shares = {
        name: pool.node_memory / pool.npus_per_node
        for name, pool in service.cluster.pools.items()
        if pool.node_memory
    }
    return min(shares, key=lambda name: shares[name])


@rule("error")
def memory_above_node(service: ResolvedService) -> Iterator[Finding]:
    """A pod requests at most the memory of one node.

    A pod that requests more stays Pending forever. The rule runs if all pools that can run the pod have `nodeMemory`.
    """
    requested = service.resources.memory
    pools = service.cluster.pools.values()
    memories = [
        pool.node_memory for pool in pools if pool.npus_per_node >= service.npus
    ]
    known = [memory for memory in memories if memory]
    if not known or len(known) < len(memories) or requested <= max(known):
        return
    yield error(
        f"a pod requests {_gib(requested)} of memory, but the largest node has {_gib(max(known))}",
        why="a pod runs on one node, so it stays Pending forever (Kubernetes, resource requests)",
        fix=f"write resources.memory: {quantity_text(max(known))}, or correct nodeMemory in cluster.pools",
        marks=[
            at("resources.memory"),
            at("npus"),
        ],
    )


def _gib(count: float) -> str:
    return f"{count / GIB:.1f} GiB"
