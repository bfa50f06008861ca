"""The kinds of requests: what each is sent to, and which fields the server takes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal


class Kind(StrEnum):
    """What is asked for, as a user names it."""

    CHAT = "chat"
    COMPLETE = "complete"
    GENERATE = "generate"
    IMAGE = "image"


@dataclass(frozen=True)
class Endpoint:
    """Where requests of a kind go, and what is taken there."""

    path: str
    server: Literal["openai", "api_server"]
    """The kind of server that has it."""
    fields: frozenset[str]
    """The fields that the server takes; every other one is refused."""
    needed: tuple[str, ...]
    """The fields without a default."""
    defaults: Mapping[str, Any]
    """The server's own, where they are not those of `Parameters`."""


_SAMPLING = frozenset(
    {
        *("best_of", "frequency_penalty", "ignore_eos", "include_stop_str_in_output", "logprobs", "max_tokens"),
        *("min_p", "min_tokens", "n", "presence_penalty", "prompt_logprobs", "repetition_penalty", "seed"),
        *("skip_special_tokens", "spaces_between_special_tokens", "stop", "stop_token_ids", "temperature", "top_k"),
        *("top_p", "truncate_prompt_tokens", "logit_bias"),
    }
)
_OPENAI = _SAMPLING | {
    *("model", "stream", "stream_options", "user", "use_beam_search", "length_penalty", "echo", "priority"),
    *("add_special_tokens", "response_format", "guided_json", "guided_regex", "guided_choice", "guided_grammar"),
    *("guided_decoding_backend", "guided_whitespace_pattern"),
}
_CHAT = Endpoint(
    path="/v1/chat/completions",
    server="openai",
    fields=_OPENAI
    | {
        *("messages", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "add_generation_prompt"),
        *("continue_final_message", "documents", "chat_template", "chat_template_kwargs"),
    },
    needed=("messages",),
    defaults={"temperature": 0.7, "max_tokens": None},
)

BEAM_FIELDS = ("use_beam_search", "length_penalty")
"""Fields of the manual's requests to `/generate` that vLLM's own 0.6.3 does not know."""

ENDPOINTS = {
    Kind.CHAT: _CHAT,
    Kind.IMAGE: _CHAT,
    Kind.COMPLETE: Endpoint(
        "/v1/completions", "openai", _OPENAI | {"prompt", "suffix", "allowed_token_ids"}, ("prompt",), {}
    ),
    Kind.GENERATE: Endpoint(
        "/generate",
        "api_server",
        _SAMPLING
        | {"prompt", "stream", "detokenize", "output_kind", "allowed_token_ids", "logits_processors", *BEAM_FIELDS},
        ("prompt",),
        {},
    ),
}
"""By kind, from vLLM 0.6.3: vllm/entrypoints/openai/protocol.py:153 (chat) and :490 (completions);
vllm/entrypoints/api_server.py:40 and vllm/sampling_params.py:94 (`/generate`). Beam search is the manual's there
(Step 5, way 2)."""
