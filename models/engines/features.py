"""The features of a service beyond serving text, each with a small typed key (manual, Step 3)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from models.record import (
    AbsolutePath,
    Duration,
    FileName,
    Line,
    Record,
    WritableDirectory,
    text_like,
)
from models.tagged_union import OneOf

MOST_LORAS = 32
"""Most adapters in one batch (manual, Step 3, --max-loras)."""

USUAL_GEARS = (2, 4, 6, 8, 16, 32)
"""The manual's gears (Step 3, PTA_TORCHAIR_DECODE_GEAR_LIST)."""


class Multimodal(Record):
    """Pictures in requests (manual, Step 3, way 1, part 2). `true` is shorthand for all defaults."""

    true_for_defaults = True

    image_fetch_timeout: Duration = Field(
        default=100, examples=["100s"], json_schema_extra={"default": "100s"}
    )
    """Longest wait for a picture that a request names by address (`VLLM_IMAGE_FETCH_TIMEOUT`)."""

    iteration_timeout: Duration = Field(
        default=600, examples=["600s"], json_schema_extra={"default": "600s"}
    )
    """Longest step of the engine before it counts as dead (`VLLM_ENGINE_ITERATION_TIMEOUT_S`)."""

    expandable_segments: bool = True
    """Let the NPU's allocator grow its segments (`PYTORCH_NPU_ALLOC_CONF`); false when virtual memory errors show."""

    images_per_prompt: int | None = Field(default=None, ge=1, examples=[2])
    """Most pictures of one request (`--limit-mm-per-prompt`); vLLM's default is 1."""

    items_per_prompt: dict[Line, Annotated[int, Field(ge=0)]] = Field(
        default={}, examples=[{"video": 0}]
    )
    """Most items of one request, by kind: `{video: 0, audio: 1}` (`--limit-mm-per-prompt`). Not in 0.6.3."""


class Lora(Record):
    """LoRA adapters; a request names one as its `model`."""

    adapters: dict[Line, AbsolutePath] = Field(
        min_length=1, examples=[{"lora1": "/mnt/models/adapters/lora1"}]
    )
    """Directory of each adapter on every node, in Hugging Face format, by the name that requests give."""

    max_rank: Literal[1, 8, 16, 32, 64, 128, 256, 320, 512] = 16
    """Largest rank among the adapters. 0.6.3 accepts 8, 16, 32 and 64."""

    max_loras: int | None = Field(default=None, ge=1, le=MOST_LORAS, examples=[2])
    """Most adapters in one batch; when left out, as many as there are. As many are kept in the host's memory."""


class ResolvedLora(Lora):
    """LoRA adapters with all defaults."""

    max_loras: int


class EagleConversion(Record):
    """Convert an Eagle head for vLLM before the first start, once on every node (manual, Step 3, eagle)."""

    tools: AbsolutePath = Field(
        examples=["/home/ma-user/AscendCloud/llm_tools/spec_decode/EAGLE"]
    )
    """Directory of the image with `convert_eagle_ckpt_to_vllm_compatible.py`."""

    base_weights: FileName = Field(examples=["model-00004-of-00004.safetensors"])
    """File of the model's weights that has `lm_head`."""

    draft_weights: FileName = Field(
        default="pytorch_model.bin", examples=["pytorch_model.bin"]
    )
    """File of the head's weights."""


class SpeculativeKind(Record):
    """The keys of all kinds of speculative decoding."""

    config: dict[Line, JsonValue] = Field(
        default={}, examples=[{"disablePaddedDrafterBatch": False}]
    )
    """Further fields of `--speculative-config`. Not in 0.6.3."""


class DraftModel(SpeculativeKind):
    """Guess tokens with a small model of the same series."""

    kind: Literal["draft"] = "draft"
    """A small model of the same series."""

    source: AbsolutePath = Field(examples=["/mnt/models/draft"])
    """Directory of the draft model on every node."""

    tokens: int = Field(ge=1, examples=[5])
    """Tokens that are guessed at a time (`--num-speculative-tokens`)."""


class NgramLookup(SpeculativeKind):
    """Guess tokens by n-grams of the prompt."""

    kind: Literal["ngram"] = "ngram"
    """N-grams of the prompt."""

    tokens: int = Field(ge=1, examples=[5])
    """Tokens that are guessed at a time (`--num-speculative-tokens`)."""

    prompt_lookup_max: int = Field(ge=1, examples=[4])
    """Longest n-gram to look up in the prompt."""

    prompt_lookup_min: int = Field(default=1, ge=1, examples=[1])
    """Shortest n-gram to look up in the prompt."""

    @model_validator(mode="after")
    def _shortest_within_longest(self) -> NgramLookup:
        if self.prompt_lookup_min > self.prompt_lookup_max:
            raise ValueError(
                f"promptLookupMin {self.prompt_lookup_min} is above promptLookupMax {self.prompt_lookup_max}"
            )
        return self


class EagleHead(SpeculativeKind):
    """Guess tokens with an Eagle head."""

    kind: Literal["eagle"] = "eagle"
    """An Eagle head."""

    source: AbsolutePath = Field(examples=["/mnt/models/EAGLE-Qwen2-7B-Instruct"])
    """Directory of the Eagle head on every node."""

    tokens: int = Field(ge=1, examples=[2])
    """Tokens that are guessed at a time (`--num-speculative-tokens`)."""

    convert: EagleConversion | None = None
    """How the head is converted for vLLM. Default: none, for a head that is already converted."""


class Eagle3Head(SpeculativeKind):
    """Guess tokens with an Eagle-3 head. Not in 0.6.3."""

    kind: Literal["eagle3"] = "eagle3"
    """An Eagle-3 head."""

    source: AbsolutePath = Field(examples=["/mnt/models/Qwen3-32B-eagle3"])
    """Directory of the Eagle-3 head on every node."""

    tokens: int = Field(ge=1, examples=[3])
    """Tokens that are guessed at a time."""


class MtpLayers(SpeculativeKind):
    """Guess tokens with the model's own layers for multi-token prediction (MTP). Not in 0.6.3."""

    kind: Literal["mtp"] = "mtp"
    """The model's own MTP layers."""

    tokens: int = Field(ge=1, examples=[1])
    """Tokens that are guessed at a time."""


class SuffixLookup(SpeculativeKind):
    """Guess tokens by suffixes of this and of earlier requests. Not in 0.6.3."""

    kind: Literal["suffix"] = "suffix"
    """Suffixes of this and of earlier requests."""

    tokens: int = Field(ge=1, examples=[8])
    """Most tokens that are guessed at a time."""


class MedusaHeads(SpeculativeKind):
    """Guess tokens with Medusa heads. Not in 0.6.3."""

    kind: Literal["medusa"] = "medusa"
    """Medusa heads."""

    source: AbsolutePath = Field(examples=["/mnt/models/medusa-vicuna-7b"])
    """Directory of the Medusa heads on every node."""

    tokens: int = Field(ge=1, examples=[3])
    """Tokens that are guessed at a time."""


class DflashHead(SpeculativeKind):
    """Guess tokens with a DFlash head. Not in 0.6.3 and 0.18.0."""

    kind: Literal["dflash"] = "dflash"
    """A DFlash head."""

    source: AbsolutePath = Field(examples=["/mnt/models/Kimi-K2.5-DFlash"])
    """Directory of the DFlash head on every node."""

    tokens: int = Field(ge=1, examples=[15])
    """Tokens that are guessed at a time."""


Speculative = Annotated[
    DraftModel
    | NgramLookup
    | EagleHead
    | Eagle3Head
    | MtpLayers
    | SuffixLookup
    | MedusaHeads
    | DflashHead,
    OneOf(),
]
"""Speculative decoding: a cheap guess of the next tokens, which the model verifies."""

SpeculativeWeights = DraftModel | EagleHead | Eagle3Head | MedusaHeads | DflashHead
"""The kinds of speculative decoding with separate weights, in the directory `source`."""


GraphMode = Literal[
    "NONE", "PIECEWISE", "FULL", "FULL_DECODE_ONLY", "FULL_AND_PIECEWISE"
]
"""The graph modes of vLLM (`cudagraph_mode`)."""


class EagerGraph(Record):
    """Run operator by operator, without graphs (`--enforce-eager`)."""

    kind: Literal["eager"] = "eager"
    """No graphs."""


class CannGraph(Record):
    """The engine's default: CANN graphs where it has them."""

    kind: Literal["cann"] = "cann"
    """CANN graphs."""

    mode: GraphMode | None = Field(default=None, examples=["FULL_DECODE_ONLY"])
    """Parts of the model that are captured (`cudagraph_mode` of vLLM). Default: the release's. Not in 0.6.3."""

    capture_sizes: list[Annotated[int, Field(ge=1)]] | None = Field(
        default=None, min_length=1, examples=[[1, 2, 4, 8]]
    )
    """Batch sizes with a captured graph (`cudagraph_capture_sizes` of vLLM). Default: the release's. Not in
    0.6.3."""


class PtaGraph(Record):
    """Compile PTA graphs (`INFER_MODE=PTA`), which the manual recommends for MoE models."""

    kind: Literal["pta"] = "pta"
    """PTA graphs."""

    gears: list[int] | None = Field(
        default=None, min_length=1, examples=[list(USUAL_GEARS)]
    )
    """Batch sizes with a compiled graph. Default: 2, 4, 6, 8, 16 and 32, up to `maxNumSeqs`."""

    iteration_timeout: Duration | None = Field(default=None, examples=["1500s"])
    """Longest step of the engine, whose first request compiles (`VLLM_ENGINE_ITERATION_TIMEOUT_S`). Default: 1500s,
    and 6000s for DeepSeek-V2-236B-W8A8."""

    cache: WritableDirectory | None = Field(
        default=None, examples=["/var/cache/ascend-vllm"]
    )
    """Directory of the node for compiled graphs. It is created when it is missing. Default: /var/cache/ascend-vllm."""

    warm_up: bool = False
    """Compile before a pod gets requests, by a request of the pod itself, instead of during the first user's."""


class ResolvedPtaGraph(PtaGraph):
    """PTA graphs with all defaults."""

    gears: list[int]
    iteration_timeout: int
    cache: str


Graph = Annotated[
    EagerGraph | CannGraph | PtaGraph, OneOf(default="cann", scalar="kind")
]
"""Graph mode of the engine. A text is short for the kind: `graph: eager`."""

ResolvedGraph = EagerGraph | CannGraph | ResolvedPtaGraph
"""Graph mode with all defaults."""


Quantization = Literal[
    "awq", "smoothquant", "ascend", "compressed-tensors", "fp8", "deepseek_v4_fp8"
]
"""The methods of quantization that at least one release accepts."""


class Precision(Record):
    """Attention of high precision, which costs 5 to 10 % of latency (manual, Step 3).

    What is left out follows from the model, if its facts are known and it reads no pictures.
    """

    prefill: bool | None = None
    """Of the whole prompt (`USE_PFA_HIGH_PRECISION_MODE`); Qwen2-7B and Qwen2-57B answer wrongly without."""

    decode: bool | None = None
    """Of each further token (`USE_IFA_HIGH_PRECISION_MODE`); Qwen2-7B, Qwen2-57B and Qwen2-72B need it for more than
    8192 tokens."""


class MindSpeedOfImage(Record):
    """The image already has MindSpeed."""

    kind: Literal["image"] = "image"
    """The image already has it."""


GitRepository = Annotated[
    str,
    text_like(
        r"^(https://|ssh://|[A-Za-z0-9][\w.-]*@[\w.-]+:|/)[^\x00\r\n]+$",
        "must begin with https:// or ssh://, or be a directory",
    ),
]
"""A repository that is read over a connection that nobody can change."""

GitCommit = Annotated[
    str,
    text_like(
        r"^([0-9a-f]{40}|[0-9a-f]{64})$",
        "must be the 40 hexadecimal digits of a commit; a branch or a tag moves",
    ),
]
"""A commit, which has the same files forever."""


class MindSpeedInstallation(Record):
    """Fetch MindSpeed before the server starts."""

    kind: Literal["install"] = "install"
    """It is fetched before the server starts."""

    repository: GitRepository = Field(
        default="https://gitee.com/ascend/MindSpeed.git",
        examples=["https://gitee.com/ascend/MindSpeed.git"],
    )
    """Git repository: an address with `https://` or `ssh://`, or a directory. The default is the manual's."""

    commit: GitCommit = Field(
        default="a956b907ef3b0787d2a38577eb5b702f5b7e715d",
        examples=["a956b907ef3b0787d2a38577eb5b702f5b7e715d"],
    )
    """Commit, with all of its digits. The default is the manual's."""


MindSpeed = Annotated[
    MindSpeedOfImage | MindSpeedInstallation, OneOf(default="image", scalar="kind")
]
"""MindSpeed, which MoE models need (manual, Step 3). A text is short for the kind."""
