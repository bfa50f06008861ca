"""The fields of requests that vLLM 0.6.3 accepts, and those of the manual (Step 5)."""

from __future__ import annotations

from models.engines.model_server import ModelServer
from models.engines.requests import Kind, RequestFields

REQUEST_LIMITS = {
    "logprobs": "at least 0 in a completion",
    "prompt_logprobs": "at least 0",
    "top_k": "-1, or at least 1",
}
"""Limits that later releases changed (vllm/sampling_params.py, vllm/entrypoints/openai/protocol.py)."""

BEAM_FIELDS = ("use_beam_search", "length_penalty")
"""Fields of the manual's requests to `/generate` that vLLM's own 0.6.3 does not accept there."""

_SAMPLING = frozenset(
    {
        "best_of",
        "frequency_penalty",
        "ignore_eos",
        "include_stop_str_in_output",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "min_p",
        "min_tokens",
        "n",
        "presence_penalty",
        "prompt_logprobs",
        "repetition_penalty",
        "seed",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop",
        "stop_token_ids",
        "temperature",
        "top_k",
        "top_p",
        "truncate_prompt_tokens",
    }
)
_OPENAI = frozenset(
    {
        "add_special_tokens",
        "echo",
        "guided_choice",
        "guided_decoding_backend",
        "guided_grammar",
        "guided_json",
        "guided_regex",
        "guided_whitespace_pattern",
        "length_penalty",
        "model",
        "priority",
        "response_format",
        "stream",
        "stream_options",
        "use_beam_search",
        "user",
    }
)
_CHAT = frozenset(
    {
        "add_generation_prompt",
        "chat_template",
        "chat_template_kwargs",
        "continue_final_message",
        "documents",
        "messages",
        "parallel_tool_calls",
        "tool_choice",
        "tools",
        "top_logprobs",
    }
)
_COMPLETION = frozenset(
    {
        "allowed_token_ids",
        "prompt",
        "suffix",
    }
)
_GENERATION = frozenset(
    {
        "allowed_token_ids",
        "detokenize",
        "logits_processors",
        "output_kind",
        "prompt",
        "stream",
    }
)

_NULLABLE = (
    "temperature",
    "top_p",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "stream",
)
"""Fields for which the OpenAI server accepts null as the default (vllm/sampling_params.py:238)."""

_OPENAI_UNKNOWN = (
    "vLLM 0.6.3 answers 400 to unknown fields (vllm/entrypoints/openai/protocol.py:60)"
)
_PLAIN_UNKNOWN = (
    "vLLM 0.6.3 passes every field to SamplingParams and answers 500 to unknown ones "
    "(vllm/entrypoints/api_server.py:52)"
)

_CHAT_FIELDS = RequestFields(
    accepted=_SAMPLING | _OPENAI | _CHAT,
    required=("messages",),
    unknown_why=_OPENAI_UNKNOWN,
    defaults={"temperature": 0.7, "max_tokens": None},
    nullable=_NULLABLE,
)

REQUEST_FIELDS = {
    Kind.CHAT: _CHAT_FIELDS,
    Kind.IMAGE: _CHAT_FIELDS,
    Kind.COMPLETE: RequestFields(
        accepted=_SAMPLING | _OPENAI | _COMPLETION,
        required=("prompt",),
        unknown_why=_OPENAI_UNKNOWN,
        nullable=_NULLABLE,
    ),
    Kind.GENERATE: RequestFields(
        accepted=_SAMPLING | _GENERATION | frozenset(BEAM_FIELDS),
        required=("prompt",),
        unknown_why=_PLAIN_UNKNOWN,
    ),
}
"""Fields by kind: vllm/entrypoints/openai/protocol.py:153 (chat) and :490 (completions), vllm/entrypoints/
api_server.py:40 and vllm/sampling_params.py:94 (`/generate`). Beam search is the manual's there (Step 5, way 2)."""

REQUEST_SOURCES = {
    "bad-value": "manual, Step 5, table 1",
    "model-not-served": "vllm/entrypoints/openai/serving_engine.py:169",
    "too-long": "vllm/entrypoints/openai/serving_engine.py:272",
    "picture-count": "vllm/entrypoints/chat_utils.py:208",
}
"""Where the server refuses a request, by the id of the rule."""


def single_answer_key(server: ModelServer) -> str | None:
    """The key because of which a request can have only one answer, or None if it can have several."""
    if server.engine.num_scheduler_steps > 1:
        return "engine.numSchedulerSteps"
    if server.speculative:
        return "speculative.tokens"
    return None
