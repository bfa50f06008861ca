"""What follows for the features of a service where the stack file does not say it."""

from __future__ import annotations

from models.catalog.known import KnownModel
from models.engines.ascend_vllm.features import (
    MOST_LORAS,
    USUAL_GEARS,
    Lora,
    Precision,
    PtaGraph,
    ResolvedGraph,
    ResolvedLora,
    ResolvedPtaGraph,
)
from models.engines.ascend_vllm.graph_gears import MOST_GEARS, most_gears
from models.engines.ascend_vllm.precision import LONG, PRECISE_DECODE, PRECISE_PREFILL, plain_model_name
from models.stack_file.service import ServiceConfig

GRAPH_CACHE = "/var/cache/ascend-vllm"
"""Directory of the node for compiled graphs, where the stack file names none."""


def resolve_lora(lora: Lora | None, because: dict[str, str]) -> ResolvedLora | None:
    """The LoRA adapters with all defaults. The reason for each default is added to `because`."""
    if lora is None:
        return None
    max_loras = lora.max_loras
    if max_loras is None:
        max_loras = min(len(lora.adapters), MOST_LORAS)
        because["lora.maxLoras"] = "as many as there are adapters"
    return ResolvedLora.model_construct(
        lora.model_fields_set, adapters=lora.adapters, max_rank=lora.max_rank, max_loras=max_loras
    )


def resolve_graph(config: ServiceConfig, known: KnownModel | None, because: dict[str, str]) -> ResolvedGraph:
    """The graph mode with all defaults. The reason for each default is added to `because`."""
    graph = config.graph
    if not isinstance(graph, PtaGraph):
        return graph
    most = most_gears(known, config.quantization)
    gears, timeout, cache = graph.gears, graph.iteration_timeout, graph.cache
    if gears is None:
        gears = [gear for gear in USUAL_GEARS if gear <= config.engine.max_num_seqs][:most]
        because["graph.gears"] = f"the manual's, up to maxNumSeqs and {most} of them"
    if timeout is None:
        timeout = 1500 if most == MOST_GEARS else 6000
        because["graph.iterationTimeout"] = "the manual's for this model"
    if cache is None:
        cache = GRAPH_CACHE
        because["graph.cache"] = "the usual directory"
    return ResolvedPtaGraph.model_construct(gears=gears, iteration_timeout=timeout, cache=cache, warm_up=graph.warm_up)


def resolve_precision(
    config: ServiceConfig, known: KnownModel | None, model: str, because: dict[str, str]
) -> Precision:
    """The attention that a model needs by its name, where the stack file does not say it; of a model that is neither
    named like one that needs it nor in the catalogue nothing is known."""
    name = plain_model_name(known, model)
    if not name.startswith(PRECISE_DECODE) and not (known and known.facts and not known.facts.multimodal):
        return config.precision
    long = config.engine.max_model_len > LONG
    needed = {"prefill": name.startswith(PRECISE_PREFILL), "decode": long and name.startswith(PRECISE_DECODE)}
    filled = {field: value for field, value in needed.items() if getattr(config.precision, field) is None}
    because |= {f"precision.{field}": f"what {model} needs" for field in filled}
    return config.precision.model_copy(update=filled)
