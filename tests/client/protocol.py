"""The bodies that vLLM 0.6.3 accepts, field by field: vllm/entrypoints/openai/protocol.py, vllm/sampling_params.py."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
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


SAMPLING: Mapping[str, Any] = {
    "n": 1,
    "best_of": None,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": -1,
    "stop": None,
    "ignore_eos": False,
    "max_tokens": 16,
    "seed": None,
}
"""Those fields of `SamplingParams` that the tests send, with its defaults; sampling_params.py:173."""


def check_sampling(given: Mapping[str, Any], *, stream: bool = False) -> None:
    """Refuses what `SamplingParams` does; sampling_params.py:276-399."""
    if unknown := given.keys() - SAMPLING.keys():
        raise TypeError(f"Unexpected keyword argument {sorted(unknown)[0]!r}")
    it = SimpleNamespace(**{**SAMPLING, **given})
    answers = it.best_of or it.n
    stop = [it.stop] if isinstance(it.stop, str) else it.stop or []
    refused = {
        f"n must be at least 1, got {it.n}.": it.n < 1,
        f"best_of must be greater than or equal to n, got n={it.n} and best_of={it.best_of}.": answers < it.n,
        f"presence_penalty must be in [-2, 2], got {it.presence_penalty}.": not -2 <= it.presence_penalty <= 2,
        f"frequency_penalty must be in [-2, 2], got {it.frequency_penalty}.": not -2 <= it.frequency_penalty <= 2,
        f"temperature must be non-negative, got {it.temperature}.": it.temperature < 0,
        f"top_p must be in (0, 1], got {it.top_p}.": not 0 < it.top_p <= 1,
        f"top_k must be -1 (disable), or at least 1, got {it.top_k}.": it.top_k < -1 or it.top_k == 0,
        f"max_tokens must be at least 1, got {it.max_tokens}.": it.max_tokens is not None and it.max_tokens < 1,
        "stop cannot contain an empty string.": not all(stop),
        "best_of must equal n to use output_kind=DELTA": stream and answers != it.n,
        f"n must be 1 when using greedy sampling, got {answers}.": it.temperature < 1e-5 and answers > 1,
    }
    for message, holds in refused.items():
        if holds:
            raise ValueError(message)
