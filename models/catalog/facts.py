"""The architecture of a model, as its config.json states it."""

from __future__ import annotations

from dataclasses import dataclass

_UNSCALED = ("su", "longrope", "llama3", "mrope")
"""Stretched positions that the stated length counts already; for all others vLLM multiplies by the factor."""


@dataclass(frozen=True)
class RopeScaling:
    """How a model stretches its positions, as in config.json."""

    type: str
    factor: float | None = None
    original_max_position_embeddings: int | None = None


@dataclass(frozen=True)
class ModelFacts:
    """A model's architecture in the words of its config.json; None is what the source does not say.

    Multimodal models have the facts of their text backbone and the `model_type` of the whole. Where a config.json
    counts no KV heads there are as many as heads. Qwen 1 counts gate and up in `intermediate_size`, others one of them.
    """

    model_type: str
    hidden_size: int
    num_attention_heads: int
    num_key_value_heads: int
    num_hidden_layers: int
    multimodal: bool
    moe: bool
    intermediate_size: int
    vocab_size: int
    head_dim: int | None = None
    max_position_embeddings: int | None = None
    seq_length: int | None = None
    model_max_length: int | None = None
    rope_scaling: RopeScaling | None = None
    sliding_window: int | None = None
    """Only where the model uses it."""
    tie_word_embeddings: bool | None = None
    torch_dtype: str | None = None
    quantization: str | None = None
    """`quant_method` of the checkpoint."""
    num_experts: int | None = None
    num_experts_per_tok: int | None = None
    moe_intermediate_size: int | None = None
    """Of one expert; experts without it have `intermediate_size`."""
    shared_expert_intermediate_size: int | None = None
    n_shared_experts: int | None = None
    first_k_dense_replace: int | None = None
    q_lora_rank: int | None = None
    kv_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None
    qk_rope_head_dim: int | None = None
    v_head_dim: int | None = None

    @property
    def context(self) -> int:
        """The shortest length that config.json gives."""
        return min(filter(None, (self.max_position_embeddings, self.seq_length, self.model_max_length)))

    @property
    def longest(self) -> int:
        """The longest `maxModelLen` that the engine takes: the context, stretched as `rope_scaling` says."""
        scaling = self.rope_scaling
        if not scaling or scaling.type in _UNSCALED:
            return self.context
        start = scaling.original_max_position_embeddings if scaling.type == "yarn" else None
        return int((start or self.context) * (scaling.factor or 1))

    def splits(self, parts: int) -> bool:
        """Whether tensor parallelism can divide the model into so many parts (vllm/config.py:406)."""
        kv_heads = self.num_key_value_heads
        kv_fit = kv_heads % parts == 0 or parts % kv_heads == 0
        return self.num_attention_heads % parts == 0 and kv_fit and self.intermediate_size % parts == 0

    @property
    def head_size(self) -> int:
        """Elements of a query head."""
        if self.qk_nope_head_dim and self.qk_rope_head_dim:
            return self.qk_nope_head_dim + self.qk_rope_head_dim
        return self.head_dim or self.hidden_size // self.num_attention_heads
