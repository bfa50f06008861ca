"""What a service may do beyond serving text: each a small typed key of its own (manual, Step 3)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, model_validator

from models.record import SYSTEM, AbsolutePath, Duration, FileName, Line, Record, Word

MOST_LORAS = 32
"""Most adapters in one batch (manual, Step 3, --max-loras)."""

USUAL_GEARS = (2, 4, 6, 8, 16, 32)
"""The manual's gears (Step 3, PTA_TORCHAIR_DECODE_GEAR_LIST)."""


class Multimodal(Record):
    """Pictures in requests (manual, Step 3, way 1, part 2). `true` is shorthand for all defaults."""

    image_fetch_timeout: Duration = Field(default=100, examples=["100s"], json_schema_extra={"default": "100s"})
    """Longest wait for a picture that a request names by address (`VLLM_IMAGE_FETCH_TIMEOUT`)."""

    iteration_timeout: Duration = Field(default=600, examples=["600s"], json_schema_extra={"default": "600s"})
    """Longest step of the engine before it counts as dead (`VLLM_ENGINE_ITERATION_TIMEOUT_S`)."""

    expandable_segments: bool = True
    """Let the NPU's allocator grow its segments (`PYTORCH_NPU_ALLOC_CONF`); false when virtual memory errors show."""

    images_per_prompt: int | None = Field(default=None, ge=1, examples=[2])
    """Most pictures of one request (`--limit-mm-per-prompt`); vLLM's default is 1."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {} if value is True else value


class Lora(Record):
    """LoRA adapters; a request names one as its `model`."""

    adapters: dict[Line, AbsolutePath] = Field(min_length=1, examples=[{"lora1": "/mnt/models/adapters/lora1"}])
    """Directory of each adapter on every node, in Hugging Face format, by the name that requests give."""

    max_rank: Literal[8, 16, 32, 64] = 16
    """Largest rank among the adapters."""

    max_loras: int | None = Field(default=None, ge=1, le=MOST_LORAS, examples=[2])
    """Most adapters in one batch; when left out, as many as there are. As many are kept in the host's memory."""


class EagleConversion(Record):
    """Convert an Eagle head for vLLM before the first start, once on every node (manual, Step 3, eagle)."""

    tools: AbsolutePath = Field(examples=["/home/ma-user/AscendCloud/llm_tools/spec_decode/EAGLE"])
    """Directory of the image with `convert_eagle_ckpt_to_vllm_compatible.py`."""

    base_weights: FileName = Field(examples=["model-00004-of-00004.safetensors"])
    """File of the model's weights that has `lm_head`."""

    draft_weights: FileName = Field(default="pytorch_model.bin", examples=["pytorch_model.bin"])
    """File of the head's weights."""


class Speculative(Record):
    """Speculative decoding: a cheap guess of the next tokens, verified by the model."""

    kind: Literal["draft", "ngram", "eagle"] = Field(examples=["draft"])
    """`draft` guesses with a small model of the same series, `eagle` with an Eagle head, `ngram` from the prompt."""

    source: AbsolutePath | None = Field(default=None, examples=["/mnt/models/Qwen2-0.5B-Instruct"])
    """Directory of the draft model or of the Eagle head on every node; not for `ngram`."""

    convert: EagleConversion | None = None
    """How the head is converted for vLLM; only for `eagle`, and not for a head that is converted already."""

    tokens: int = Field(ge=1, examples=[5])
    """Tokens that are guessed at a time (`--num-speculative-tokens`)."""

    prompt_lookup_max: int | None = Field(default=None, ge=1, examples=[4])
    """Longest n-gram that is looked for in the prompt; only for `ngram`, and needed there."""

    prompt_lookup_min: int | None = Field(default=None, ge=1, examples=[1])
    """Shortest n-gram that is looked for in the prompt; only for `ngram`."""

    @model_validator(mode="after")
    def _fields_of_the_kind(self) -> Speculative:
        longest, shortest = self.prompt_lookup_max, self.prompt_lookup_min
        if self.kind == "ngram":
            if self.source or longest is None:
                raise ValueError("kind ngram needs promptLookupMax and has no source (vllm/config.py:1227)")
            if shortest and shortest > longest:
                raise ValueError("promptLookupMin is above promptLookupMax (vllm/config.py:1227)")
        elif self.source is None or longest or shortest:
            raise ValueError(f"kind {self.kind} needs source, and promptLookupMax and promptLookupMin are for ngram")
        if self.convert and self.kind != "eagle":
            raise ValueError("convert is for kind eagle")
        return self


class Graph(Record):
    """Graph mode of the engine. A scalar is shorthand for the kind: `graph: eager`."""

    kind: Literal["eager", "cann", "pta"] = "cann"
    """`eager` runs operator by operator (`--enforce-eager`); `cann` leaves the engine's default, CANN graphs where it
    has them; `pta` compiles PTA graphs (`INFER_MODE=PTA`), which the manual recommends for MoE models."""

    gears: list[int] | None = Field(default=None, min_length=1, examples=[list(USUAL_GEARS)])
    """Batch sizes that `pta` compiles a graph for; when left out, those of 2, 4, 6, 8, 16, 32 up to `maxNumSeqs`."""

    iteration_timeout: Duration | None = Field(default=None, examples=["1500s"])
    """Longest step of the engine with `pta`, whose first request compiles (`VLLM_ENGINE_ITERATION_TIMEOUT_S`); when
    left out, 1500s, and 6000s for DeepSeek-V2-236B-W8A8."""

    cache: AbsolutePath | None = Field(default=None, examples=["/var/cache/ascend-vllm"])
    """Directory of the node in which `pta` keeps its compiled graphs; made when it is missing. When left out,
    /var/cache/ascend-vllm."""

    warm_up: bool = False
    """Compile with `pta` before a pod takes requests, by a request of its own, instead of at the first user's."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _only_for_pta(self) -> Graph:
        if self.kind != "pta" and self.model_fields_set & {"gears", "iteration_timeout", "cache", "warm_up"}:
            raise ValueError("gears, iterationTimeout, cache and warmUp are for kind pta")
        if self.cache and str(PurePosixPath(self.cache)) in SYSTEM:
            raise ValueError(f"cache {self.cache} is a directory of the node's system; name one below it")
        return self


class Precision(Record):
    """Attention of high precision, which costs 5 to 10 % of latency (manual, Step 3).

    What is left out follows from the model, if its facts are known and it reads no pictures.
    """

    prefill: bool | None = None
    """Of the whole prompt (`USE_PFA_HIGH_PRECISION_MODE`); Qwen2-7B and Qwen2-57B answer wrongly without."""

    decode: bool | None = None
    """Of each further token (`USE_IFA_HIGH_PRECISION_MODE`); Qwen2-7B, Qwen2-57B and Qwen2-72B need it for more than
    8192 tokens."""


class MindSpeed(Record):
    """MindSpeed, which MoE models depend on (manual, Step 3). A scalar is shorthand for the kind."""

    kind: Literal["image", "install"] = "image"
    """`image` has it already; `install` fetches it before the server starts."""

    repository: Word = "https://gitee.com/ascend/MindSpeed.git"
    """Git repository that `install` fetches from; the manual's."""

    commit: Word = "a956b907ef3b0787d2a38577eb5b702f5b7e715d"
    """Commit that `install` takes; the manual's."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value
