"""How much a model is, by its facts: parameters, and what is kept of each token."""

from __future__ import annotations

from models.catalog.facts import ModelFacts


def all_parameters(facts: ModelFacts) -> int:
    """Parameters of the whole model."""
    table = facts.vocab_size * facts.hidden_size
    return layer_parameters(facts) * facts.num_hidden_layers + table * (1 if facts.tie_word_embeddings else 2)


def layer_parameters(facts: ModelFacts) -> int:
    """Parameters of a layer, the mean of all; biases and norms are too few to count."""
    dense = 3 * facts.hidden_size * facts.intermediate_size // (2 if facts.model_type == "qwen" else 1)
    if not facts.num_experts:
        return _attention_parameters(facts) + dense
    inner = facts.moe_intermediate_size or facts.intermediate_size
    shared = facts.shared_expert_intermediate_size or (facts.n_shared_experts or 0) * inner
    experts = 3 * facts.hidden_size * (facts.num_experts * inner + shared)
    first = facts.first_k_dense_replace or 0
    mean = (experts * (facts.num_hidden_layers - first) + dense * first) // facts.num_hidden_layers
    return _attention_parameters(facts) + mean


def _attention_parameters(facts: ModelFacts) -> int:
    hidden, heads = facts.hidden_size, facts.num_attention_heads
    if facts.kv_lora_rank and facts.qk_nope_head_dim and facts.qk_rope_head_dim and facts.v_head_dim:
        queries = heads * facts.head_size
        compressed = facts.kv_lora_rank * heads * (facts.qk_nope_head_dim + facts.v_head_dim)
        rank = facts.q_lora_rank
        from_hidden = (rank * (hidden + queries) if rank else hidden * queries) + hidden * facts.kv_lora_rank
        return from_hidden + hidden * facts.qk_rope_head_dim + compressed + heads * facts.v_head_dim * hidden
    return 2 * hidden * facts.head_size * (heads + facts.num_key_value_heads)


def token_elements(facts: ModelFacts, parts: int) -> int:
    """Elements that a layer keeps of a token on each NPU; a model that compresses them keeps them compressed, which is
    less than vLLM 0.6.3 keeps (vllm/model_executor/models/deepseek_v2.py)."""
    if facts.kv_lora_rank:
        return facts.kv_lora_rank + (facts.qk_rope_head_dim or 0)
    return 2 * max(facts.num_key_value_heads // parts, 1) * facts.head_size
