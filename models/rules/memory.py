"""Weights and requests against the memory of NPUs and nodes."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.facts import ModelFacts
from models.finding import Finding, at, error, warning
from models.rules.registry import facts_rule, rule
from models.service.fit import fit, largest_memory
from models.service.resolved import ResolvedService
from models.words import counted

_GIB = 2**30
_SWAP_SPACE = 4


@facts_rule("error")
def does_not_fit(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """The weights and one request of full length fit into the engine's share of the NPUs.

    vLLM 0.6.3 ends with "No available memory for the cache blocks", or refuses a `maxModelLen` above what its KV cache
    holds (vllm/worker/worker.py:486). Only what is certain is counted: activations come on top.
    """
    need = fit(service)
    if need is None or need.requests:
        return
    room = need.budget - need.weights
    what = f"the weights of {service.model.name} take {_gib(need.weights)} of the engine's {_gib(need.budget)}"
    if room > 0:
        what += f", and a request of {need.length} tokens {_gib(need.length * need.token)}"
    yield error(
        f"{what} on each NPU",
        why="the engine ends when it makes its KV cache (vllm/worker/worker.py:486)",
        fix=f"raise tensorParallelSize and npus, or {'lower maxModelLen' if room > 0 else 'quantize the model'}",
        marks=[
            at("model.name", f"{facts.num_hidden_layers} layers, {_gib(need.weights)} on each NPU"),
            at("engine.maxModelLen", f"{need.token} bytes a token"),
            at("engine.tensorParallelSize", f"{counted(service.engine.npus_used, 'NPU')} of {_gib(need.memory)}"),
            at("engine.gpuMemoryUtilization", f"the engine's share is {service.engine.gpu_memory_utilization:g}"),
        ],
    )


@rule("warning")
def length_above_published(service: ResolvedService) -> Iterator[Finding]:
    """`maxModelLen` and the number of NPUs are within what Huawei publishes for the model.

    The documentation of Ascend-vLLM lists the fewest cards of a model and the longest length on them, each measured
    until it no longer ran (appendix: fewest cards and longest sequences). `ascend-vllm models NAME` shows the lines.
    """
    memory = largest_memory(service)
    used, length = service.engine.npus_used, service.engine.max_model_len
    lines = service.known.published if service.known and not service.known.suffix and not service.quantization else ()
    known = [(line.npus, line.max_model_len) for line in lines if _bytes(line.npu_memory) == memory]
    rows = [(npus, longest) for npus, longest in known if npus and longest]
    within = any(npus < used or (npus == used and longest >= length) for npus, longest in rows)
    if not rows or within or ((need := fit(service)) and not need.requests):
        return
    fewest = min(npus for npus, _ in rows)
    longest = max(longest for npus, longest in rows if npus == fewest)
    yield warning(
        f"{length} tokens on {counted(used, 'NPU')} are beyond what is published for {service.model.name}",
        why=f"{longest} tokens on {counted(fewest, 'NPU')} are"
        " (Ascend-vLLM, appendix: fewest cards, longest sequences)",
        fix=f"set npus to {fewest} and maxModelLen to {longest} at most, or measure it and accept this",
        marks=[at("engine.maxModelLen", f"{length} tokens"), at("engine.tensorParallelSize", counted(used, "NPU"))],
    )


@rule("error")
def kv_blocks(service: ResolvedService) -> Iterator[Finding]:
    """`numGpuBlocksOverride` leaves blocks for one request of full length.

    The engine refuses a `maxModelLen` above what its KV cache holds (vllm/worker/worker.py:490).
    """
    blocks = service.further("num-gpu-blocks-override")
    size, length = service.engine.block_size, service.engine.max_model_len
    if isinstance(blocks, int) and blocks * size < length:
        yield error(
            f"{blocks} blocks of {size} tokens hold no request of {length} tokens",
            why="the engine refuses a longer maxModelLen than its KV cache holds (vllm/worker/worker.py:490)",
            fix=f"set numGpuBlocksOverride to {-(-length // size)} or more, or remove it",
            marks=[at("engine.extraArgs"), at("engine.maxModelLen", f"{length} tokens"), at("engine.blockSize")],
        )


@rule("error")
def swap_space(service: ResolvedService) -> Iterator[Finding]:
    """The swap space of all NPUs of a pod takes at most 70 % of the node's memory.

    Each takes `swapSpace` GiB, 4 by default; vLLM 0.6.3 reads the memory of the node, not the pod's limit, and refuses
    more (vllm/config.py:657). It is judged where a pool says its `nodeMemory`.
    """
    memories = [pool.node_memory for pool in service.cluster.pools.values() if pool.node_memory]
    given = service.further("swap-space")
    each = given if isinstance(given, int | float) else _SWAP_SPACE
    total = each * service.engine.tensor_parallel_size
    if memories and total * _GIB > 0.7 * max(memories):
        yield error(
            f"{total:g} GiB of swap space are more than 70 % of the node's {_gib(max(memories))}",
            why="vLLM 0.6.3 refuses it at start (vllm/config.py:657)",
            fix="lower swapSpace under engine.extraArgs",
            marks=[at("engine.extraArgs", f"{each:g} GiB for each NPU"), at("engine.tensorParallelSize")],
        )


@rule("error")
def memory_above_node(service: ResolvedService) -> Iterator[Finding]:
    """The memory of a pod is within that of a node.

    It is judged where a pool says its `nodeMemory`; a pod that asks for more waits for ever.
    """
    pools = [pool for pool in service.cluster.pools.values() if pool.npus_per_node >= service.npus]
    sizes = [pool.node_memory for pool in pools if pool.node_memory]
    if not pools or len(sizes) < len(pools):
        return
    largest, asked = max(sizes), service.resources.memory
    if largest < asked:
        yield error(
            f"a pod asks for {_gib(asked)} of memory, and the largest node has {_gib(largest)}",
            why="a pod lives on one node, and waits for ever for one that is large enough",
            fix="lower resources.memory, or correct nodeMemory under cluster.pools",
            marks=[at("resources.memory"), at("npus")],
        )


def _gib(count: float) -> str:
    return f"{count / _GIB:.1f} GiB"


def _bytes(memory: str) -> int:
    return int(memory.removesuffix("Gi")) * _GIB
