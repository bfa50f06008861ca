"""Rules on the sizes, ports and the router of two services that exchange KV cache."""

from __future__ import annotations

import json
from collections.abc import Iterator

from models.catalog.facts import HYBRID_MODELS
from models.finding import Finding, Mark, error, warning
from models.rules.kv_transfer.pair import Pair, key_of, mark_of, pair_of
from models.rules.registry import stack_rule
from models.service.kv_transfer import MOONCAKE_PORTS, first_free_port
from models.service.resolved import ResolvedService, ResolvedStack
from models.words import counted, either

_MOONCAKE = "vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py"
_CONTEXT_PARTS = f"{_MOONCAKE}:2723 of 0.23.0, :1325 of 0.18.0"
_STAGES_AND_PARTS = f"{_MOONCAKE}:2004 of 0.23.0, :1119 of 0.18.0"
_PREFILL_CONTEXT = "prefill-context-parallel-size"
_DECODE_CONTEXT = "decode-context-parallel-size"


@stack_rule("error")
def kv_transfer_sizes(stack: ResolvedStack) -> Iterator[Finding]:
    """The parallel sizes of both services fit each other.

    A server for decode reads the KV cache from one or several NPUs of the other, so the tensor parallel size for
    prefill is at least that for decode, and a multiple of it if the model has no multi-head latent attention or has
    Mamba layers. A server for decode has no pipeline, and a server for prefill with one divides no prompts
    (vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py, vllm_ascend/ascend_config.py).
    """
    pair = pair_of(stack)
    if pair is None:
        return
    prefill = pair.prefill.engine.tensor_parallel_size
    decode = pair.decode.engine.tensor_parallel_size
    if not _fits(pair, prefill, decode):
        key = "engine.tensorParallelSize"
        needed = "not a multiple of" if prefill > decode else "less than"
        yield error(
            f"{pair.prefill.name} has the tensor parallel size {prefill}, {needed} "
            f"the {decode} of {pair.decode.name}",
            why=f"each NPU for decode reads the KV cache of one or several NPUs for prefill ({_MOONCAKE})",
            fix=f"write {key_of(pair.decode, key)}: {_largest_divisor(prefill, decode)}",
            marks=pair.marks(key, [prefill, decode]),
        )
    yield from _divided_copies(pair)
    stages = pair.decode.engine.pipeline_parallel_size
    if stages > 1:
        key = "engine.pipelineParallelSize"
        yield error(
            f"{pair.decode.name} has {stages} pipeline stages, but a server for decode can only have one",
            why=f"the server exits at start ({_MOONCAKE})",
            fix=f"write {key_of(pair.decode, key)}: 1",
            marks=[mark_of(pair.decode, key)],
        )
    yield from _pipeline_of_parts(pair.prefill)
    yield from _context_parts(pair)


def _pipeline_of_parts(service: ResolvedService) -> Iterator[Finding]:
    """A service for prefill has pipeline stages or divides its prompts, not both."""
    stages = service.engine.pipeline_parallel_size
    parts = service.engine.prefill_context_parallel_size
    if stages == 1 or parts == 1:
        return
    size = service.engine.tensor_parallel_size * stages
    stage_key = key_of(service, "engine.pipelineParallelSize")
    edit = f"write {stage_key}: 1"
    if service.facts is None or service.facts.splits(size):
        edit += f" and write {key_of(service, 'engine.tensorParallelSize')}: {size}"
    yield error(
        f"{service.name} has {stages} pipeline stages and divides prompts into {parts} parts",
        why=f"the connector ends the start if a server has both ({_STAGES_AND_PARTS})",
        fix=edit,
        marks=[
            mark_of(service, "engine.pipelineParallelSize", str(stages)),
            mark_of(service, "engine.extraArgs", str(parts)),
        ],
    )


def _context_parts(pair: Pair) -> Iterator[Finding]:
    """The parts of a prompt for prefill are a multiple of those for decode."""
    prefill = _parts_of_context(pair.prefill)
    decode = _parts_of_context(pair.decode)
    if prefill % decode == 0:
        return
    # A service without any division of decode is refused by the agreement of both.
    if prefill == 1:
        return
    yield error(
        f"{pair.prefill.name} divides the context into {prefill} parts, which is not a multiple of "
        f"the {decode} of {pair.decode.name}",
        why=f"the service for decode refuses each request ({_CONTEXT_PARTS})",
        fix=_context_edit(pair),
        marks=pair.marks("engine", [prefill, decode]),
    )


def _parts_of_context(service: ResolvedService) -> int:
    """The prefill context parallel size, times that for decode."""
    parts = 1
    for flag in (_PREFILL_CONTEXT, _DECODE_CONTEXT):
        value = service.further(flag)
        if isinstance(value, int):
            parts *= value
    return parts


def _context_edit(pair: Pair) -> str:
    """The edit that gives the service for decode the sizes of the service for prefill."""
    sizes = {
        "prefillContextParallelSize": pair.prefill.further(_PREFILL_CONTEXT),
        "decodeContextParallelSize": pair.prefill.further(_DECODE_CONTEXT),
    }
    edits = []
    for name, size in sizes.items():
        key = key_of(pair.decode, f"engine.extraArgs.{name}")
        if size is not None:
            edits.append(f"write {key}: {size}")
        elif name in pair.decode.engine.extra_args:
            edits.append(f"remove {key}")
    return " and ".join(edits)


def _divided_copies(pair: Pair) -> Iterator[Finding]:
    """A copy of the engine over several nodes has an engine id on each node, but the other server looks for one."""
    for service in pair.services:
        if service.group is None or service.group.launch != "nnodes":
            continue
        yield error(
            f"a copy of the engine of {service.name} is divided over {service.nodes} nodes",
            why=f"each node names its part of the KV cache differently, so the other server misses it ({_MOONCAKE})",
            fix="remove kvTransfer, or lower the tensor parallel size so that a copy of the engine fits on one node",
            marks=[mark_of(service, "nodes")],
        )


def _fits(pair: Pair, prefill: int, decode: int) -> bool:
    """Whether a server for decode with this tensor parallel size can read from one for prefill."""
    facts = pair.prefill.facts
    is_latent = facts is None or facts.kv_lora_rank is not None
    has_state = facts is not None and facts.model_type in HYBRID_MODELS
    if is_latent and not has_state:
        return prefill >= decode
    return prefill >= decode and prefill % decode == 0


def _largest_divisor(number: int, most: int) -> int:
    """The largest number up to `most` that divides a number."""
    for divisor in range(min(number, most), 1, -1):
        if number % divisor == 0:
            return divisor
    return 1


@stack_rule("error")
def kv_transfer_ports(stack: ResolvedStack) -> Iterator[Finding]:
    """The ports of KV transfer are free.

    Each NPU of both services uses one. Mooncake opens further ports at random, 1000 for each NPU of a node from
    20000 on (vllm-ascend, pd_disaggregation_mooncake_multi_node.md).
    """
    pair = pair_of(stack)
    if pair is None:
        return
    ends = [service.kv_transfer for service in pair.services]
    free = first_free_port(pair.prefill.cluster.pools)
    mark = Mark(("kvTransfer", "port"))
    first = ends[0].port if ends[0] else free
    last = max((end.ports[-1] for end in ends if end), default=first)
    if pair.config.port is not None and first < free:
        yield error(
            f"kvTransfer.port {first} is among the ports 20000 to {free - 1}, which Mooncake uses at random",
            why="the start fails now and then with: Address already in use",
            fix=f"write kvTransfer.port: {free}",
            marks=[mark],
        )
    if last > 65535:
        yield error(
            f"the pair uses the ports {first} to {last}, but the last port is 65535",
            why="each NPU of both services uses one port",
            fix=f"write kvTransfer.port: {free}",
            marks=[mark],
        )
    yield from _ports_of_groups(pair, free)
    for service in pair.services:
        port = service.server.port
        if first <= port <= last:
            yield error(
                f"the server of {service.name} listens on port {port}, which is among the ports {first} to {last} "
                "of KV transfer",
                why="only one of both can open the port",
                fix=f"write {key_of(service, 'server.port')}: 8000",
                marks=[mark_of(service, "server.port"), mark],
            )


def _ports_of_groups(pair: Pair, free: int) -> Iterator[Finding]:
    """The ports by which the pods of a group find each other are not among those that Mooncake opens."""
    for service in pair.services:
        if service.group is None:
            continue
        ports = {
            "group.port": service.group.port,
            "group.memberPort": service.group.member_port,
        }
        for key, port in ports.items():
            if not MOONCAKE_PORTS <= port < free:
                continue
            yield error(
                f"{key} {port} of {service.name} is among the ports {MOONCAKE_PORTS} to {free - 1}, "
                "which Mooncake uses at random",
                why="the start fails now and then with: Address already in use",
                fix=f"remove {key_of(service, key)}",
                marks=[mark_of(service, key)],
            )


@stack_rule("error", "warning")
def kv_transfer_router(stack: ResolvedStack) -> Iterator[Finding]:
    """The router of the pair can send requests to both services.

    It names the place of the KV cache in a field of the request. Kthena sends requests unencrypted, to the same
    port of both services, and knows a pair by one name of the model.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    for service in pair.services:
        if service.server.kind != "openai":
            yield error(
                f"the server of {service.name} is {service.server.kind}, which has no kv_transfer_params",
                why="the router names the place of the KV cache in this field of the request",
                fix=f"write {key_of(service, 'server.kind')}: openai",
                marks=[mark_of(service, "server.kind")],
            )
    if pair.config.router == "kthena":
        yield from _encrypted(pair)
        yield from _different_ports(pair)
        yield from _further_names(pair)


def _encrypted(pair: Pair) -> Iterator[Finding]:
    for service in pair.services:
        if not service.tls:
            continue
        yield error(
            f"the server of {service.name} accepts only encrypted connections, but Kthena opens unencrypted ones",
            why="the requests of both phases are sent by http (Kthena, pkg/kthena-router/connectors/nixl.go)",
            fix="write kvTransfer.router: none",
            marks=[mark_of(service, "server"), Mark(("kvTransfer",))],
        )


def _different_ports(pair: Pair) -> Iterator[Finding]:
    ports = [service.server.port for service in pair.services]
    if ports[0] == ports[1]:
        return
    yield error(
        f"{pair.prefill.name} listens on port {ports[0]}, and {pair.decode.name} on port {ports[1]}",
        why="Kthena has one port for all servers of a pair (ModelServer, workloadPort)",
        fix=f"write {key_of(pair.decode, 'server.port')}: {ports[0]}",
        marks=pair.marks("server.port", ports),
    )


def _further_names(pair: Pair) -> Iterator[Finding]:
    names = pair.decode.engine.served_model_name
    if len(names) < 2:
        return
    first = json.dumps(names[:1])
    key = "engine.servedModelName"
    yield warning(
        f"Kthena sends requests for {names[0]} to the pair, but none for {either(names[1:])}",
        why="a ModelRoute has one name of the model",
        fix=f"write {key_of(pair.prefill, key)}: {first} and write {key_of(pair.decode, key)}: {first}",
        marks=pair.marks(key),
    )


@stack_rule("warning")
def kv_transfer_lengths(stack: ResolvedStack) -> Iterator[Finding]:
    """Both services of a pair accept requests of the same length.

    A request goes to both, so the shorter length holds for the pair.
    """
    pair = pair_of(stack)
    if pair is None:
        return
    lengths = [service.engine.max_model_len for service in pair.services]
    if None in lengths or lengths[0] == lengths[1]:
        return
    key = "engine.maxModelLen"
    shorter = min(pair.services, key=lambda service: service.engine.max_model_len or 0)
    longer = max(pair.services, key=lambda service: service.engine.max_model_len or 0)
    tokens = counted(shorter.engine.max_model_len or 0, "token")
    yield warning(
        f"the pair accepts requests of {tokens}, although {longer.name} could have {longer.engine.max_model_len}",
        why="a request goes to both servers",
        fix=f"write {key_of(longer, key)}: {shorter.engine.max_model_len}",
        marks=pair.marks(key, lengths),
    )
