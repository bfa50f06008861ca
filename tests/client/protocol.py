"""The bodies that vLLM 0.6.3 takes, field by field: vllm/entrypoints/openai/protocol.py, vllm/sampling_params.py."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class OpenAIBaseModel(BaseModel):
    """protocol.py:60"""

    model_config = ConfigDict(extra="forbid")


class ResponseFormat(OpenAIBaseModel):
    """protocol.py:134"""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class StreamOptions(OpenAIBaseModel):
    """protocol.py:141"""

    include_usage: bool | None = True
    continuous_usage_stats: bool | None = True


class Common(OpenAIBaseModel):
    """What both requests have; protocol.py:153-300 and :490-590."""

    model: str
    frequency_penalty: float | None = 0.0
    logit_bias: dict[str, float] | None = None
    presence_penalty: float | None = 0.0
    response_format: ResponseFormat | None = None
    seed: int | None = None
    stop: str | list[str] | None = []
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    top_p: float | None = 1.0
    user: str | None = None
    best_of: int | None = None
    use_beam_search: bool = False
    top_k: int = -1
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    length_penalty: float = 1.0
    stop_token_ids: list[int] | None = []
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    min_tokens: int = 0
    skip_special_tokens: bool = True
    spaces_between_special_tokens: bool = True
    truncate_prompt_tokens: int | None = Field(default=None, ge=1)
    prompt_logprobs: int | None = None
    guided_json: str | dict[str, Any] | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_grammar: str | None = None
    guided_decoding_backend: str | None = None
    guided_whitespace_pattern: str | None = None
    priority: int = 0

    @model_validator(mode="before")
    @classmethod
    def stream_options_need_stream(cls, data: dict[str, Any]) -> dict[str, Any]:
        """protocol.py:376 and :692"""
        if data.get("stream_options") and not data.get("stream"):
            raise ValueError("Stream options can only be defined when `stream=True`.")
        return data

    @model_validator(mode="before")
    @classmethod
    def one_guide(cls, data: dict[str, Any]) -> dict[str, Any]:
        """protocol.py:408 and :654"""
        if sum(data.get(f"guided_{kind}") is not None for kind in ("json", "regex", "choice")) > 1:
            raise ValueError("You can only use one kind of guided decoding")
        return data


class ChatCompletionRequest(Common):
    """protocol.py:153"""

    messages: list[dict[str, Any]]
    logprobs: bool | None = False
    top_logprobs: int | None = 0
    max_tokens: int | None = None
    n: int | None = 1
    temperature: float | None = 0.7
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = "none"
    parallel_tool_calls: bool | None = False
    echo: bool = False
    add_generation_prompt: bool = True
    continue_final_message: bool = False
    add_special_tokens: bool = False
    documents: list[dict[str, str]] | None = None
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None


class CompletionRequest(Common):
    """protocol.py:490"""

    prompt: list[int] | list[list[int]] | str | list[str]
    echo: bool | None = False
    logprobs: int | None = None
    max_tokens: int | None = 16
    n: int = 1
    suffix: str | None = None
    temperature: float | None = 1.0
    allowed_token_ids: list[int] | None = None
    add_special_tokens: bool = True


class TokenizeRequest(OpenAIBaseModel):
    """protocol.py:942"""

    model: str
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    add_special_tokens: bool = True
    add_generation_prompt: bool = True


def sampling_params(
    n: int = 1,
    best_of: int | None = None,
    presence_penalty: float = 0.0,
    frequency_penalty: float = 0.0,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = -1,
    stop: str | list[str] | None = None,
    ignore_eos: bool = False,
    max_tokens: int | None = 16,
    seed: int | None = None,
    stream: bool = False,
) -> None:
    """Refuses what `SamplingParams` does, vllm/sampling_params.py:276-399; of its fields those that the tests send."""
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}.")
    if best_of is not None and best_of < n:
        raise ValueError(f"best_of must be greater than or equal to n, got n={n} and best_of={best_of}.")
    for name, penalty in (("presence_penalty", presence_penalty), ("frequency_penalty", frequency_penalty)):
        if not -2.0 <= penalty <= 2.0:
            raise ValueError(f"{name} must be in [-2, 2], got {penalty}.")
    if temperature < 0.0:
        raise ValueError(f"temperature must be non-negative, got {temperature}.")
    if not 0.0 < top_p <= 1.0:
        raise ValueError(f"top_p must be in (0, 1], got {top_p}.")
    if top_k < -1 or top_k == 0:
        raise ValueError(f"top_k must be -1 (disable), or at least 1, got {top_k}.")
    if max_tokens is not None and max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, got {max_tokens}.")
    if any(not text for text in ([stop] if isinstance(stop, str) else stop or [])):
        raise ValueError("stop cannot contain an empty string.")
    if best_of not in (None, n) and stream:
        raise ValueError("best_of must equal n to use output_kind=DELTA")
    if temperature < 1e-5 and max(n, best_of or 1) > 1:
        raise ValueError(f"n must be 1 when using greedy sampling, got {max(n, best_of or 1)}.")
