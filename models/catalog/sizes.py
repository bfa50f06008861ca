"""The size of a model, computed from its facts: parameters of all and of each layer."""

from __future__ import annotations

from models.catalog.facts import ModelFacts


def all_parameters(facts: ModelFacts) -> int:
    """Parameters of the whole model."""
    tables = 1 if facts.tie_word_embeddings else 2
    return layer_parameters(
        facts
    ) * facts.num_hidden_layers + tables * table_parameters(facts)


def table_parameters(facts: ModelFacts) -> int:
    """Parameters of a table of tokens: of the input embedding, or of the output layer."""
    return facts.vocab_size * facts.hidden_size


def layer_parameters(facts: ModelFacts) -> int:
    """Parameters of a layer, the mean of all layers. Biases and norms are too few to count."""
    if not facts.num_experts:
        return _attention_parameters(facts) + _dense_parameters(facts)
    dense_layers = facts.first_k_dense_replace or 0
    expert_layers = facts.num_hidden_layers - dense_layers
    total = (
        _expert_parameters(facts) * expert_layers
        + _dense_parameters(facts) * dense_layers
    )
    return _attention_parameters(facts) + total // facts.num_hidden_layers


def _dense_parameters(facts: ModelFacts) -> int:
    """Parameters of a feed-forward block; Qwen's config.json counts both halves of the gate as one size."""
    parameters = 3 * facts.hidden_size * facts.intermediate_size
    if facts.model_type == "qwen":
        return parameters // 2
    return parameters


def _expert_parameters(facts: ModelFacts) -> int:
    """Parameters of all experts of a layer, the shared ones included."""
    inner_size = facts.moe_intermediate_size or facts.intermediate_size
    shared_size = facts.shared_expert_intermediate_size
    if not shared_size:
        shared_size = (facts.n_shared_experts or 0) * inner_size
    experts = facts.num_experts or 0
    return 3 * facts.hidden_size * (experts * inner_size + shared_size)


def _attention_parameters(facts: ModelFacts) -> int:
    hidden, heads = facts.hidden_size, facts.num_attention_heads
    if not (
        facts.kv_lora_rank
        and facts.qk_nope_head_dim
        and facts.qk_rope_head_dim
        and facts.v_head_dim
    ):
        return 2 * hidden * facts.head_size * (heads + facts.num_key_value_heads)
    queries = heads * facts.head_size
    query_parameters = hidden * queries
    if facts.q_lora_rank:
        query_parameters = facts.q_lora_rank * (hidden + queries)
    compression = hidden * (facts.kv_lora_rank + facts.qk_rope_head_dim)
    decompression = (
        facts.kv_lora_rank * heads * (facts.qk_nope_head_dim + facts.v_head_dim)
    )
    output = heads * facts.v_head_dim * hidden
    return query_parameters + compression + decompression + output
