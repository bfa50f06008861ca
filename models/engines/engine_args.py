"""The arguments of vLLM's engine, under vLLM's names.

A release does not have all of them: see `Release.absent_keys`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from models.engines.flags import plain_name
from models.record import WORD, Line, Record, Word

_PREFILL_CONTEXT = plain_name("prefill-context-parallel-size")

Version = Literal["0.6.3", "0.18.0", "0.23.0", "0.30.0"]
"""The known releases: vLLM's version."""


def as_list(value: Any) -> Any:
    """A single name is shorthand for a list of one."""
    return [value] if isinstance(value, str) else value


class EngineArgs(Record):
    """The engine: the vLLM release and its arguments.

    Each key is vLLM's flag in camelCase (`maxModelLen` is `--max-model-len`).
    """

    version: Version | None = Field(default=None, examples=["0.23.0"])
    """Release of vLLM in the image. It decides which keys, flags and rules apply. Default: the release that the image's
    tag names, or 0.6.3, the manual's."""

    max_num_seqs: int = Field(default=256, ge=1)
    """Most requests in one iteration."""

    max_model_len: int = Field(ge=1, examples=[4096])
    """Most tokens of a request, input and output together. More tokens take memory from the KV cache. There is no
    default: vLLM's own one, from the model, hangs large models or does not fit (manual, Step 3)."""

    max_num_batched_tokens: int | None = Field(default=None, ge=1, examples=[4096])
    """Most tokens in one iteration. Default: the largest of `maxModelLen`, `maxNumSeqs` and 2048 (vLLM 0.6.3,
    vllm/config.py:972); with chunked prefill, later releases use 2048."""

    tensor_parallel_size: int | None = Field(default=None, ge=1, le=64, examples=[1])
    """NPUs over which each layer is split. Default: as many of the pod's `npus` as divide the model."""

    pipeline_parallel_size: int = Field(default=1, ge=1, le=64)
    """Stages that the layers are divided into. Each stage takes `tensorParallelSize` NPUs."""

    data_parallel_size: int = Field(default=1, ge=1, le=64)
    """Copies of the engine in one server. Each copy takes `tensorParallelSize` times `pipelineParallelSize` NPUs. Not
    in 0.6.3."""

    enable_expert_parallel: bool = False
    """Distribute the experts of a MoE model over the NPUs, instead of splitting each expert. Not in 0.6.3."""

    block_size: Literal[32, 64, 128] | None = Field(default=None, examples=[128])
    """Tokens in one block of the KV cache. Default: 128. 32 is for DeepSeek-V4, from 0.23.0 (vllm_ascend/utils.py)."""

    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] | None = (
        None
    )
    """Data type of weights and activations. Default: the model's, as the manual recommends."""

    kv_cache_dtype: Word | None = Field(default=None, examples=["fp8"])
    """Data type of the KV cache. Default: the model's. In 0.6.3, this is `extraArgs.kvCacheDtype`."""

    gpu_memory_utilization: float | None = Field(
        default=None, gt=0, le=1, examples=[0.9]
    )
    """Share of each NPU's memory that the engine may take, from 0 to 1. Default: 0.9, and 0.92 from 0.23.0."""

    num_scheduler_steps: int = Field(default=1, ge=1)
    """Tokens that are generated each time a request is scheduled. The manual recommends 8 where nothing forbids it.
    Only in 0.6.3."""

    multi_step_stream_outputs: bool | None = None
    """false sends the tokens of all steps together, which is faster. Default: true. Only in 0.6.3."""

    enable_chunked_prefill: bool | None = None
    """Cut long prompts into pieces that share an iteration with other requests. Default: false in 0.6.3, true in later
    releases."""

    async_scheduling: bool | None = None
    """Schedule the next iteration while the NPUs work. Default: on, where the release supports it. Not in 0.6.3."""

    distributed_executor_backend: Literal["mp", "ray"] | None = None
    """How several NPUs are driven: Python processes (`mp`, the engine's default) or Ray."""

    trust_remote_code: bool = False
    """Run the Python code that comes with the model. Set it only for models that need it and that you trust."""

    disable_async_output_proc: bool = False
    """Handle outputs in step with the model, which is slower. Only in 0.6.3."""

    served_model_name: Annotated[
        list[Word],
        BeforeValidator(as_list),
        WithJsonSchema(
            {
                "type": ["string", "array"],
                "pattern": WORD,
                "items": {"type": "string", "pattern": WORD},
            }
        ),
    ] = Field(default=[], examples=["qwen2-7b"])
    """Names that requests use as `model`. Default: the path of the weights."""

    compilation_config: dict[Line, JsonValue] = Field(
        default={}, examples=[{"maxCudagraphCaptureSize": 64}]
    )
    """Fields of `--compilation-config`, checked against the release. `graph` sets the graph mode and the sizes. Not in
    0.6.3."""

    additional_config: dict[Line, JsonValue] = Field(
        default={}, examples=[{"enableCpuBinding": True}]
    )
    """Fields of `--additional-config`, the plugin's own settings, checked against the release. Not in 0.6.3."""

    extra_args: dict[Line, JsonValue] = Field(default={}, examples=[{"seed": 8}])
    """Further flags of the engine by name, checked against the release: `{seed: 8}`. A flag that has its own key
    is refused here."""

    @property
    def prefill_context_parallel_size(self) -> int:
        """Parts of each prompt, each on other NPUs; a flag under `extraArgs`."""
        for name, value in self.extra_args.items():
            if plain_name(name) == _PREFILL_CONTEXT and type(value) is int:
                return max(value, 1)
        return 1

    @property
    def tensor_groups(self) -> int:
        """Groups of NPUs; each group splits its layers by `tensorParallelSize`."""
        return (
            self.pipeline_parallel_size
            * self.data_parallel_size
            * self.prefill_context_parallel_size
        )


class ResolvedEngine(EngineArgs):
    """The engine's arguments with all defaults of the release."""

    version: Version
    max_num_batched_tokens: int
    tensor_parallel_size: int
    block_size: Literal[32, 64, 128]
    gpu_memory_utilization: float

    @property
    def npus_used(self) -> int:
        """NPUs that the engine's processes occupy: the product of its parallel sizes (vllm/config/parallel.py)."""
        return self.tensor_parallel_size * self.tensor_groups
