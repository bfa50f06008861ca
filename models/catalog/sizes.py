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
    return _attention_parameters(facts) + _feed_forward_parameters(facts)


def _feed_forward_parameters(facts: ModelFacts) -> int:
    """Parameters of the feed-forward block of a layer, the mean of all layers."""
    if not facts.num_experts:
        return _dense_parameters(facts)
    first_dense_layers = facts.first_k_dense_replace or 0
    step = facts.moe_layer_step or 1
    expert_layers = (facts.num_hidden_layers - first_dense_layers) // step
    dense_layers = facts.num_hidden_layers - expert_layers
    total = (
        _expert_parameters(facts) * expert_layers
        + _dense_parameters(facts) * dense_layers
    )
    return total // facts.num_hidden_layers


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
    """Parameters of the attention of a layer, the mean of all layers."""
    if facts.kv_lora_rank and facts.qk_nope_head_dim and facts.v_head_dim:
        return _latent_attention_parameters(facts) + _indexer_parameters(facts)
    if facts.q_lora_rank and facts.o_lora_rank:
        return _compressed_attention_parameters(facts) + _indexer_parameters(facts)
    if not facts.linear_num_value_heads or facts.num_full_attention_layers is None:
        return _full_attention_parameters(facts)
    full_layers = facts.num_full_attention_layers
    linear_layers = facts.num_hidden_layers - full_layers
    total = (
        _full_attention_parameters(facts) * full_layers
        + _linear_attention_parameters(facts) * linear_layers
    )
    return total // facts.num_hidden_layers


def _full_attention_parameters(facts: ModelFacts) -> int:
    """Parameters of an attention whose heads have separate keys and values, or share them in groups."""
    heads = 2 * facts.num_attention_heads + 2 * facts.num_key_value_heads
    if facts.attn_output_gate:
        heads += facts.num_attention_heads
    return facts.hidden_size * facts.head_size * heads


def _latent_attention_parameters(facts: ModelFacts) -> int:
    """Parameters of an attention that compresses keys and values (MLA)."""
    hidden = facts.hidden_size
    heads = facts.num_attention_heads
    kv_rank = facts.kv_lora_rank or 0
    rope_size = facts.qk_rope_head_dim or 0
    value_size = facts.v_head_dim or 0
    queries = heads * facts.head_size
    query_parameters = hidden * queries
    if facts.q_lora_rank:
        query_parameters = facts.q_lora_rank * (hidden + queries)
    compression = hidden * (kv_rank + rope_size)
    key_size = facts.head_size - rope_size
    decompression = kv_rank * heads * (key_size + value_size)
    output = heads * value_size * hidden
    return query_parameters + compression + decompression + output


def _compressed_attention_parameters(facts: ModelFacts) -> int:
    """Parameters of an attention that compresses queries and output, and whose heads share one key (DeepSeek V4)."""
    hidden = facts.hidden_size
    query_rank = facts.q_lora_rank or 0
    output_rank = facts.o_lora_rank or 0
    queries = facts.num_attention_heads * facts.head_size
    query_parameters = query_rank * (hidden + queries)
    keys = hidden * facts.num_key_value_heads * facts.head_size
    output = output_rank * (queries + (facts.o_groups or 1) * hidden)
    return query_parameters + keys + output


def _indexer_parameters(facts: ModelFacts) -> int:
    """Parameters of the indexer of sparse attention, the mean of all layers."""
    heads = facts.index_n_heads or 0
    head_size = facts.index_head_dim or 0
    query_rank = facts.q_lora_rank or facts.hidden_size
    queries = query_rank * heads * head_size
    keys_and_weights = facts.hidden_size * (head_size + heads)
    layers = facts.num_index_layers or facts.num_hidden_layers
    total = (queries + keys_and_weights) * layers
    return total // facts.num_hidden_layers


def _linear_attention_parameters(facts: ModelFacts) -> int:
    """Parameters of linear attention (gated delta rule): queries, keys, values, their gate, and the output."""
    key_heads = facts.linear_num_key_heads or 0
    value_heads = facts.linear_num_value_heads or 0
    keys = key_heads * (facts.linear_key_head_dim or 0)
    values = value_heads * (facts.linear_value_head_dim or 0)
    queries_and_keys = 2 * keys
    values_gate_and_output = 3 * values
    rates = 2 * value_heads
    return facts.hidden_size * (queries_and_keys + values_gate_and_output + rates)
