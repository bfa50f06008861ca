"""The defaults of a service's features: LoRA, graph mode and precision."""

from __future__ import annotations

from models.catalog.known import KnownModel
from models.engines.ascend_vllm.graph_gears import MOST_GEARS, most_gears
from models.engines.ascend_vllm.precision import (
    LONG,
    PRECISE_DECODE,
    PRECISE_PREFILL,
    plain_model_name,
)
from models.engines.features import (
    MOST_LORAS,
    USUAL_GEARS,
    Lora,
    Precision,
    PtaGraph,
    ResolvedGraph,
    ResolvedLora,
    ResolvedPtaGraph,
)
from models.stack_file.keys.service import ServiceConfig

GRAPH_CACHE = "/var/cache/ascend-vllm"
"""Default directory of the node for compiled graphs."""


def resolve_lora(lora: Lora | None, because: dict[str, str]) -> ResolvedLora | None:
    """The LoRA adapters with all defaults. The reason for each default is added to `because`."""
    if lora is None:
        return None
    max_loras = lora.max_loras
    if max_loras is None:
        max_loras = min(len(lora.adapters), MOST_LORAS)
        because["lora.maxLoras"] = "as many as there are adapters"
    return ResolvedLora.model_construct(
        lora.model_fields_set,
        adapters=lora.adapters,
        max_rank=lora.max_rank,
        max_loras=max_loras,
    )


def resolve_graph(
    config: ServiceConfig, known: KnownModel | None, because: dict[str, str]
) -> ResolvedGraph:
    """The graph mode with all defaults. The reason for each default is added to `because`."""
    graph = config.graph
    if not isinstance(graph, PtaGraph):
        return graph
    most = most_gears(known, config.quantization)
    gears = graph.gears
    if gears is None:
        usable = [gear for gear in USUAL_GEARS if gear <= config.engine.max_num_seqs]
        gears = usable[:most]
        because["graph.gears"] = f"the manual's, up to maxNumSeqs and {most} of them"
    timeout = graph.iteration_timeout
    if timeout is None:
        timeout = 1500 if most == MOST_GEARS else 6000
        because["graph.iterationTimeout"] = "the manual's for this model"
    cache = graph.cache
    if cache is None:
        cache = GRAPH_CACHE
        because["graph.cache"] = "the usual directory"
    return ResolvedPtaGraph.model_construct(
        gears=gears, iteration_timeout=timeout, cache=cache, warm_up=graph.warm_up
    )


def resolve_precision(
    config: ServiceConfig, known: KnownModel | None, model: str, because: dict[str, str]
) -> Precision:
    """The precision of attention with all defaults. The reason for each default is added to `because`.

    A name decides which models need high precision. A model that has no such name and is not in the catalogue keeps
    the stack file's values, because nothing is known about it.
    """
    name = plain_model_name(known, model)
    is_known_text_model = (
        known is not None and known.facts is not None and not known.facts.multimodal
    )
    if not name.startswith(PRECISE_DECODE) and not is_known_text_model:
        return config.precision
    is_long = config.engine.max_model_len > LONG
    precision = config.precision
    if precision.prefill is None:
        precision = precision.model_copy(
            update={"prefill": name.startswith(PRECISE_PREFILL)}
        )
        because["precision.prefill"] = f"required by {model}"
    if precision.decode is None:
        precision = precision.model_copy(
            update={"decode": is_long and name.startswith(PRECISE_DECODE)}
        )
        because["precision.decode"] = f"required by {model}"
    return precision
