"""The model's own measures against the engine's arguments, for models that the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, at, error, warning
from models.resolve import ResolvedService
from models.rules import rule

_PREFIX_CACHING = ("llama", "qwen")


@rule
def tensor_parallel_split(service: ResolvedService) -> Iterator[Finding]:
    """Tensor parallel size divides the model's attention heads, KV heads and intermediate size.

    vLLM 0.6.3 refuses other sizes: heads when it reads the configuration (vllm/config.py:406), KV heads and inner
    size when its workers build the layers (vllm/model_executor/models/qwen2.py:100). KV heads may also be copied, so
    that the size is a multiple of them.
    """
    facts, parts = service.facts, service.engine.tensor_parallel_size
    if facts is None or facts.splits(parts):
        return
    sizes = ", ".join(str(size) for size in range(1, service.npus + 1) if facts.splits(size))
    heads = f"{facts.num_attention_heads} heads, {facts.num_key_value_heads} KV heads"
    yield error(
        f"{service.model.name} cannot be split over {parts} NPUs: {heads}, intermediate size {facts.intermediate_size}",
        why="each NPU takes an equal part of each (vllm/config.py:406)",
        fix=f"set engine.tensorParallelSize to one of {sizes}",
        marks=[at("engine.tensorParallelSize", f"{parts} parts"), at("model.name", heads)],
    )


@rule
def length_above_model(service: ResolvedService) -> Iterator[Finding]:
    """`maxModelLen` is at most the length that the model was made for.

    vLLM 0.6.3 refuses more than config.json allows, rope scaling included, unless `VLLM_ALLOW_LONG_MAX_MODEL_LEN` is 1
    (vllm/config.py:1679; manual, Step 3, --max-model-len).
    """
    facts, length = service.facts, service.engine.max_model_len
    if facts is None or length <= facts.longest or service.env.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN") == "1":
        return
    yield error(
        f"maxModelLen {length} is above the {facts.longest} tokens of {service.model.name}",
        why="vLLM 0.6.3 refuses more than the model's config.json allows (vllm/config.py:1679)",
        fix=f"set maxModelLen to {facts.longest} or less",
        marks=[at("engine.maxModelLen", "tokens of the longest request"), at("model.name", f"{facts.longest} tokens")],
    )


@rule
def moe_graph_multi_step(service: ResolvedService) -> Iterator[Finding]:
    """A MoE model with PTA graphs runs one scheduler step at a time.

    Multi-step scheduling is not supported for MoE models in graph mode (manual, Step 3, graph mode).
    """
    if service.facts and service.facts.moe and service.graph.kind == "pta" and service.engine.num_scheduler_steps > 1:
        yield error(
            "a MoE model with PTA graphs runs one scheduler step at a time",
            why="multi-step scheduling is not supported for MoE models in graph mode (manual, Step 3)",
            fix="remove numSchedulerSteps, or write graph: eager",
            marks=[at("engine.numSchedulerSteps", "more than one step"), at("graph", "PTA graphs")],
        )


@rule
def prefix_caching_family(service: ResolvedService) -> Iterator[Finding]:
    """Prefix caching is for models of the Llama and Qwen families.

    Ascend-vLLM supports it for no others (Ascend-vLLM 6.3.912, prefix caching).
    """
    if service.prefix_caching and service.facts and not service.facts.model_type.startswith(_PREFIX_CACHING):
        yield warning(
            f"prefix caching is not supported for {service.model.name}",
            why="Ascend-vLLM supports it for the Llama and Qwen families (6.3.912, prefix caching)",
            fix="remove prefixCaching",
            marks=[at("prefixCaching", "prefixes are kept"), at("model.name", f"a {service.facts.model_type} model")],
        )
