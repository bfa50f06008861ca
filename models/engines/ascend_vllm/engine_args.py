"""The arguments of vLLM's engine: the flags of the manual's Step 3, under vLLM's names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from models.record import WORD, Line, Record, Word


def as_list(value: Any) -> Any:
    """A single name is shorthand for a list of one."""
    return [value] if isinstance(value, str) else value


class EngineArgs(Record):
    """The engine: the vLLM release and its arguments.

    Each key is vLLM's flag in camelCase (`maxModelLen` is `--max-model-len`). `tensorParallelSize` and
    `maxNumBatchedTokens` follow from the rest of the service when they are left out.
    """

    version: Literal["0.6.3"] = "0.6.3"
    """Release of vLLM that the image holds; it decides which flags and rules apply."""

    max_num_seqs: int = Field(default=256, ge=1)
    """Most requests in one iteration."""

    max_model_len: int = Field(ge=1, examples=[4096])
    """Most tokens of a request, input and output together; more takes memory from the KV cache. Always asked for:
    what vLLM would take from the model instead hangs large models or does not fit (manual, Step 3)."""

    max_num_batched_tokens: int | None = Field(default=None, ge=1, examples=[4096])
    """Most tokens in one iteration; when left out, the largest of `maxModelLen`, `maxNumSeqs` and 2048, as vLLM has it
    (vllm/config.py:972)."""

    tensor_parallel_size: int | None = Field(default=None, ge=1, le=64, examples=[1])
    """NPUs over which each layer is split; when left out, as many of the pod's `npus` as divide the model."""

    pipeline_parallel_size: int = Field(default=1, ge=1, le=64)
    """Stages that the layers are divided into; each takes `tensorParallelSize` NPUs."""

    block_size: Literal[64, 128] = 128
    """Tokens in one block of the KV cache; Ascend takes 64 and 128 (manual, Step 3)."""

    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] | None = (
        None
    )
    """Data type of weights and activations; when left out, the model's own, as the manual recommends."""

    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """Share of each NPU's memory that the engine may take, from 0 to 1."""

    num_scheduler_steps: int = Field(default=1, ge=1)
    """Tokens generated each time a request is scheduled; the manual recommends 8 where nothing forbids it."""

    multi_step_stream_outputs: bool | None = None
    """false sends the tokens of all steps at once, which is faster; vLLM's default is true."""

    enable_chunked_prefill: bool | None = None
    """Cut long prompts into pieces that share an iteration with other requests; vLLM's default is false on NPUs."""

    distributed_executor_backend: Literal["mp", "ray"] | None = None
    """How several NPUs are driven: Python processes (`mp`, the engine's default) or Ray."""

    trust_remote_code: bool = False
    """Run the Python code that comes with the model; only for models that need it and that you trust."""

    disable_async_output_proc: bool = False
    """Handle outputs in step with the model; slower."""

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
    """Names that requests give as `model`; when left out, the path of the weights."""

    extra_args: dict[Line, JsonValue] = Field(default={}, examples=[{"swapSpace": 8}])
    """Further flags of the engine by name, checked against the release's table: `{swapSpace: 8}`. A flag that has a
    key of its own is refused here."""


class ResolvedEngine(EngineArgs):
    """The engine's arguments with nothing left open."""

    max_num_batched_tokens: int
    tensor_parallel_size: int

    @property
    def npus_used(self) -> int:
        """NPUs that the engine's processes occupy: tensor parallel times pipeline parallel size."""
        return self.tensor_parallel_size * self.pipeline_parallel_size
