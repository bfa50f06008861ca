"""The architecture of a model, in the words of its config.json."""

from __future__ import annotations

from pydantic import ConfigDict, Field, model_validator

from models.record import Line, Record

UNSCALED = ("su", "longrope", "llama3", "mrope")
"""Stretched positions that the stated length counts already; for all others vLLM multiplies by the factor."""


class RopeScaling(Record):
    """How a model stretches its positions, as in config.json."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"if": {"properties": {"type": {"not": {"enum": [*UNSCALED]}}}}, "then": {"required": ["factor"]}},
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
    """How many times the positions are stretched."""

    original_max_position_embeddings: int | None = Field(default=None, ge=1, examples=[32768])
    """Positions before they were stretched."""

    @model_validator(mode="after")
    def _what_its_type_needs(self) -> RopeScaling:
        if self.type not in UNSCALED and self.factor is None:
            raise ValueError(f"type {self.type} needs a factor (vllm/config.py:1764)")
        if self.type == "yarn" and self.original_max_position_embeddings is None:
            raise ValueError("type yarn needs originalMaxPositionEmbeddings (vllm/config.py:1767)")
        return self


class Facts(Record):
    """Measures of a model, each a key of its config.json in camelCase; what is left out stays as it is known.

    Multimodal models have the facts of their text backbone and the `modelType` of the whole.
    """

    model_type: Line | None = Field(default=None, examples=["qwen2"])
    """Kind of model."""

    hidden_size: int | None = Field(default=None, ge=1, examples=[3584])
    """Elements of a token's vector."""

    num_attention_heads: int | None = Field(default=None, ge=1, examples=[28])
    """Query heads of a layer."""

    num_key_value_heads: int | None = Field(default=None, ge=1, examples=[4])
    """KV heads of a layer; when left out, as many as query heads."""

    num_hidden_layers: int | None = Field(default=None, ge=1, examples=[28])
    """Layers."""

    intermediate_size: int | None = Field(default=None, ge=1, examples=[18944])
    """Inner elements of a layer; Qwen 1 counts gate and up, all others one of them."""

    vocab_size: int | None = Field(default=None, ge=1, examples=[152064])
    """Tokens of the vocabulary."""

    head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a head; when left out, `hiddenSize` divided by the heads."""

    max_position_embeddings: int | None = Field(default=None, ge=1, examples=[32768])
    """Longest sequence, in tokens."""

    seq_length: int | None = Field(default=None, ge=1, examples=[8192])
    """Longest sequence, in tokens, where the model calls it so."""

    model_max_length: int | None = Field(default=None, ge=1, examples=[4096])
    """Longest sequence, in tokens, where the model calls it so."""

    rope_scaling: RopeScaling | None = None
    """How positions are stretched."""

    sliding_window: int | None = Field(default=None, ge=1, examples=[4096])
    """Tokens that attention sees, only where the model uses it."""

    tie_word_embeddings: bool | None = None
    """Whether input and output share one table of tokens."""

    torch_dtype: Line | None = Field(default=None, examples=["bfloat16"])
    """Data type of the weights."""

    quantization: Line | None = Field(default=None, examples=["awq"])
    """`quant_method` of the checkpoint."""

    multimodal: bool | None = None
    """Whether the model reads pictures."""

    moe: bool | None = None
    """Whether its layers are made of experts."""

    num_experts: int | None = Field(default=None, ge=1, examples=[64])
    """Experts of a layer."""

    num_experts_per_tok: int | None = Field(default=None, ge=1, examples=[8])
    """Experts that a token goes through."""

    moe_intermediate_size: int | None = Field(default=None, ge=1, examples=[1408])
    """Inner elements of an expert; when left out, `intermediateSize`."""

    shared_expert_intermediate_size: int | None = Field(default=None, ge=1, examples=[20480])
    """Inner elements of the expert that every token goes through."""

    n_shared_experts: int | None = Field(default=None, ge=0, examples=[2])
    """Experts that every token goes through."""

    first_k_dense_replace: int | None = Field(default=None, ge=0, examples=[1])
    """First layers that have no experts."""

    q_lora_rank: int | None = Field(default=None, ge=1, examples=[1536])
    """Rank of compressed queries."""

    kv_lora_rank: int | None = Field(default=None, ge=1, examples=[512])
    """Rank of compressed keys and values."""

    qk_nope_head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a head without position."""

    qk_rope_head_dim: int | None = Field(default=None, ge=1, examples=[64])
    """Elements of a head with position."""

    v_head_dim: int | None = Field(default=None, ge=1, examples=[128])
    """Elements of a value head."""


class ModelFacts(Facts):
    """The architecture of a model with everything that the rules cannot do without."""

    model_type: str
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
        """The shortest length that config.json gives, if it gives one."""
        given = (self.max_position_embeddings, self.seq_length, self.model_max_length)
        return min(filter(None, given), default=None)

    @property
    def longest(self) -> int | None:
        """The longest `maxModelLen` that the engine takes: the context, stretched as `ropeScaling` says, or
        `modelMaxLength` where that is more (vllm/config.py:1679)."""
        context, scaling = self.context, self.rope_scaling
        if context and scaling and scaling.type not in UNSCALED:
            start = scaling.original_max_position_embeddings if scaling.type == "yarn" else None
            context = int((start or context) * (scaling.factor or 1))
        return max(context, self.model_max_length or 0) if context else None

    def splits(self, parts: int) -> bool:
        """Whether tensor parallelism can divide the model into so many parts (vllm/config.py:406, vllm/model_executor/
        layers/vocab_parallel_embedding.py:209, which fills the vocabulary up to a multiple of 64)."""
        kv_heads, vocabulary = self.num_key_value_heads, -(-self.vocab_size // 64) * 64
        kv_fit = kv_heads % parts == 0 or parts % kv_heads == 0
        whole = (self.num_attention_heads, self.intermediate_size, vocabulary)
        return kv_fit and not any(size % parts for size in whole)

    @property
    def head_size(self) -> int:
        """Elements of a query head."""
        if self.qk_nope_head_dim and self.qk_rope_head_dim:
            return self.qk_nope_head_dim + self.qk_rope_head_dim
        return self.head_dim or self.hidden_size // self.num_attention_heads
