"""The architecture of a model, with the keys of its config.json."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from models.record import Line, Record

ModelKind = Literal["generate", "embed", "rerank"]
"""The task of a model: generate text, embed texts as vectors, or score documents for a query."""

UNSCALED = ("su", "longrope", "llama3", "mrope")
"""Types of RoPE scaling whose stated length is already scaled. For all other types vLLM multiplies it by the factor."""

HYBRID_MODELS = (
    "bamba",
    "falcon_h1",
    "granitemoehybrid",
    "jamba",
    "kimi_linear",
    "minimax_text_01",
    "nemotron_h",
    "qwen3_5",
    "qwen3_5_moe",
    "qwen3_next",
    "zamba2",
)
"""Model types with attention and Mamba layers. They keep their block size (vllm_ascend/utils.py)."""


class RopeScaling(Record):
    """`rope_scaling` of config.json: how a model extends its positions to longer sequences."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"type": {"not": {"enum": [*UNSCALED]}}}},
                    "then": {"required": ["factor"]},
                },
                {
                    "if": {"properties": {"type": {"const": "yarn"}}},
                    "then": {"required": ["originalMaxPositionEmbeddings"]},
                },
            ]
        }
    )

    type: Line = Field(examples=["yarn"])
    """`type` or `rope_type` of config.json."""

    factor: float | None = Field(default=None, gt=0, examples=[4.0])
    """By how much the number of positions is multiplied."""

    original_max_position_embeddings: int | None = Field(
        default=None, ge=1, examples=[32768]
    )
    """Positions before scaling."""

    @model_validator(mode="after")
    def _check_keys_of_type(self) -> RopeScaling:
        if self.type not in UNSCALED and self.factor is None:
            raise ValueError(f"type {self.type} needs a factor (vllm/config.py:1764)")
        if self.type == "yarn" and self.original_max_position_embeddings is None:
            raise ValueError(
                "type yarn needs originalMaxPositionEmbeddings (vllm/config.py:1767)"
            )
        return self


class Facts(Record):
    """Dimensions of a model: keys of its config.json in camelCase. A key that is left out keeps its known value.

    A multimodal model has the dimensions of its text backbone and the `modelType` of the whole model.
    """

    model_type: Line | None = Field(default=None, examples=["qwen2"])
    """`model_type` of config.json."""

    kind: ModelKind | None = Field(default=None, examples=["embed"])
    """The task of the model: `generate` (the default), `embed` or `rerank`."""

    hidden_size: int | None = Field(default=None, ge=1, examples=[3584])
    """Elements of a token's hidden state."""

    num_attention_heads: int | None = Field(default=None, ge=1, examples=[28])
    """Query heads of a layer."""

    num_key_value_heads: int | None = Field(default=None, ge=1, examples=[4])
    """KV heads of a layer; by default the number of query heads."""

    num_hidden_layers: int | None = Field(default=None, ge=1, examples=[28])
    """Layers."""

    intermediate_size: int | None = Field(default=None, ge=1, examples=[18944])
    """Inner elements of the MLP of a layer. Qwen 1 counts gate and up together, other models one of them."""

    vocab_size: int | None = Field(default=None, ge=1, examples=[152064])
    """Tokens of the vocabulary."""

    head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a head; by default `hiddenSize` divided by the number of heads."""

    max_position_embeddings: int | None = Field(default=None, ge=1, examples=[32768])
    """Longest sequence, in tokens."""

    seq_length: int | None = Field(default=None, ge=1, examples=[8192])
    """Longest sequence, in tokens; some models use this key."""

    model_max_length: int | None = Field(default=None, ge=1, examples=[4096])
    """Longest sequence, in tokens; some models use this key."""

    rope_scaling: RopeScaling | None = None
    """How positions are extended to longer sequences."""

    sliding_window: int | None = Field(default=None, ge=1, examples=[4096])
    """Tokens of the attention window, if the model uses one."""

    num_full_attention_layers: int | None = Field(default=None, ge=0, examples=[12])
    """Layers that attend to the whole sequence; by default all. The others have a window or linear attention."""

    attn_output_gate: bool | None = None
    """Whether a gate, as large as the queries, follows the attention."""

    tie_word_embeddings: bool | None = None
    """Whether the input and output embeddings are one table."""

    torch_dtype: Line | None = Field(default=None, examples=["bfloat16"])
    """Data type of the weights."""

    quantization: Line | None = Field(default=None, examples=["awq"])
    """`quant_method` of the checkpoint."""

    multimodal: bool | None = None
    """Whether the model takes images."""

    moe: bool | None = None
    """Whether the model is a mixture of experts (MoE)."""

    num_experts: int | None = Field(default=None, ge=1, examples=[64])
    """Experts of a layer."""

    num_experts_per_tok: int | None = Field(default=None, ge=1, examples=[8])
    """Experts that process one token."""

    moe_intermediate_size: int | None = Field(default=None, ge=1, examples=[1408])
    """Inner elements of an expert; by default `intermediateSize`."""

    shared_expert_intermediate_size: int | None = Field(
        default=None, ge=1, examples=[20480]
    )
    """Inner elements of the shared expert, which processes every token."""

    n_shared_experts: int | None = Field(default=None, ge=0, examples=[2])
    """Shared experts, which process every token."""

    first_k_dense_replace: int | None = Field(default=None, ge=0, examples=[1])
    """Number of first layers without experts."""

    moe_layer_step: int | None = Field(default=None, ge=1, examples=[2])
    """Every how many layers one has experts; by default each."""

    num_nextn_predict_layers: int | None = Field(default=None, ge=0, examples=[1])
    """Further layers that predict more than one token (MTP). They are not among `numHiddenLayers`."""

    q_lora_rank: int | None = Field(default=None, ge=1, examples=[1536])
    """Rank of the compressed queries (MLA)."""

    kv_lora_rank: int | None = Field(default=None, ge=1, examples=[512])
    """Rank of the compressed keys and values (MLA)."""

    qk_nope_head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a query head without rotary position (MLA)."""

    qk_rope_head_dim: int | None = Field(default=None, ge=1, examples=[64])
    """Elements of a query head with rotary position (MLA)."""

    v_head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a value head (MLA)."""

    o_lora_rank: int | None = Field(default=None, ge=1, examples=[1024])
    """Rank of the compressed output of a group of heads (DeepSeek V4)."""

    o_groups: int | None = Field(default=None, ge=1, examples=[8])
    """Groups of heads whose output is compressed together (DeepSeek V4)."""

    compress_ratios: list[int] | None = Field(default=None, examples=[[0, 4, 128]])
    """How many tokens share an entry of the KV cache, for each layer, MTP layers last; 0 for a layer that keeps its
    window only (DeepSeek V4)."""

    index_topk: int | None = Field(default=None, ge=1, examples=[2048])
    """Tokens that the indexer selects for the attention (sparse attention)."""

    index_n_heads: int | None = Field(default=None, ge=1, examples=[64])
    """Heads of the indexer (sparse attention)."""

    index_head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a head of the indexer (sparse attention). The cache stores one such key for each token."""

    num_index_layers: int | None = Field(default=None, ge=1, examples=[21])
    """Layers with a separate indexer; by default all (sparse attention)."""

    linear_num_key_heads: int | None = Field(default=None, ge=1, examples=[16])
    """Key heads of a layer with linear attention."""

    linear_num_value_heads: int | None = Field(default=None, ge=1, examples=[32])
    """Value heads of a layer with linear attention."""

    linear_key_head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a key head of linear attention."""

    linear_value_head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a value head of linear attention."""


class ModelFacts(Facts):
    """The architecture of a model with every fact that the rules need."""

    model_type: str
    kind: ModelKind = "generate"
    hidden_size: int
    num_attention_heads: int
    num_key_value_heads: int
    num_hidden_layers: int
    intermediate_size: int
    vocab_size: int
    multimodal: bool
    moe: bool

    @property
    def context(self) -> int | None:
        """The shortest sequence length that config.json states, in tokens; None if it states none."""
        stated = [
            length
            for length in (
                self.max_position_embeddings,
                self.seq_length,
                self.model_max_length,
            )
            if length is not None
        ]
        return min(stated, default=None)

    @property
    def longest(self) -> int | None:
        """The longest `maxModelLen` that the engine accepts, in tokens (vllm/config.py:1679).

        This is the scaled context, or `modelMaxLength` if that is longer.
        """
        scaled = self.scaled_context
        if scaled is None:
            return None
        return max(scaled, self.model_max_length or 0)

    @property
    def scaled_context(self) -> int | None:
        """The context, multiplied as `ropeScaling` says, in tokens; None if config.json states no length."""
        context = self.context
        scaling = self.rope_scaling
        if context is None or scaling is None or scaling.type in UNSCALED:
            return context
        if scaling.type == "yarn" and scaling.original_max_position_embeddings:
            context = scaling.original_max_position_embeddings
        return int(context * (scaling.factor or 1))

    def splits(self, parts: int) -> bool:
        """Whether tensor parallelism can divide the model into this number of parts.

        Experts are not divided with expert parallelism, so their size does not count. Source: vllm/config.py:406.
        """
        kv_heads = self.num_key_value_heads
        if kv_heads % parts and parts % kv_heads:
            return False
        divided = [self.num_attention_heads, self.padded_vocab_size]
        if not self.has_experts_only:
            divided.append(self.intermediate_size)
        return all(size % parts == 0 for size in divided)

    @property
    def padded_vocab_size(self) -> int:
        """Rows of the embedding: the vocabulary, padded to a multiple of 64.

        Source: vllm/model_executor/layers/vocab_parallel_embedding.py:209.
        """
        return math.ceil(self.vocab_size / 64) * 64

    @property
    def has_experts_only(self) -> bool:
        """Whether every layer has experts, so that no layer has the size `intermediateSize`."""
        if not self.num_experts:
            return False
        has_dense_layers = self.first_k_dense_replace or (self.moe_layer_step or 1) > 1
        return not has_dense_layers

    @property
    def head_size(self) -> int:
        """Elements of a query head."""
        if self.qk_nope_head_dim and self.qk_rope_head_dim:
            return self.qk_nope_head_dim + self.qk_rope_head_dim
        return self.head_dim or self.hidden_size // self.num_attention_heads
