"""The fields of requests that a release of vllm-ascend accepts: those of vLLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.engines.requests import Kind, RequestFields
from models.engines.vllm_ascend.parameters import VllmAscendParameters
from models.engines.vllm_ascend.tables import ServerTable

_TABLES = {Kind.CHAT: "chat", Kind.IMAGE: "chat", Kind.COMPLETE: "complete"}
"""The kinds of requests to the OpenAI server, and their tables."""

_REQUIRED = {"chat": ("messages",), "complete": ("prompt",)}

_SCHEMA_PATH = ("structured_outputs", "json")

_REPLACED = {
    "guided_json": "structured_outputs.json",
    "guided_regex": "structured_outputs.regex",
    "guided_choice": "structured_outputs.choice",
    "guided_grammar": "structured_outputs.grammar",
    "guided_whitespace_pattern": "structured_outputs.whitespace_pattern",
}
"""Fields of 0.6.3. A server that ignores one of them answers with any text."""

_NULL = "None"
"""The end of a type that may be null."""

_GENERATE = frozenset(
    {
        "allowed_token_ids",
        "bad_words",
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
        "prompt",
        "prompt_logprobs",
        "repetition_penalty",
        "seed",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop",
        "stop_token_ids",
        "stream",
        "temperature",
        "top_k",
        "top_p",
    }
)
"""Fields of the plain server: those of SamplingParams that a JSON body can set (vllm/sampling_params.py)."""

_POOLING = frozenset(
    {
        "cache_salt",
        "mm_processor_kwargs",
        "model",
        "priority",
        "request_id",
        "truncate_prompt_tokens",
        "truncation_side",
        "use_activation",
        "user",
    }
)
"""Fields of every request that is answered with numbers (vllm/entrypoints/pooling/base/protocol.py)."""

_POOLING_FIELDS = {
    Kind.EMBED: frozenset(
        {
            "add_special_tokens",
            "dimensions",
            "embed_dtype",
            "encoding_format",
            "endianness",
            "input",
            "messages",
        }
    ),
    Kind.RERANK: frozenset({"documents", "query", "top_n"}),
    Kind.SCORE: frozenset({"text_1", "text_2"}),
}
"""Further fields (vllm/entrypoints/pooling/embed/protocol.py, and the protocol.py for scores)."""

_POOLING_REQUIRED = {
    Kind.EMBED: ("input",),
    Kind.RERANK: ("query", "documents"),
    Kind.SCORE: ("text_1", "text_2"),
}


def request_fields(version: str, server: ServerTable) -> dict[Kind, RequestFields]:
    """The fields by the kind of request.

    Args:
        version: The release.
        server: The table of the release's server.
    """
    why = f"vLLM {version} ignores unknown fields without an error ({server.unknown_fields_where})"
    fields: dict[Kind, RequestFields] = {}
    for kind, name in _TABLES.items():
        accepted = server.request_fields[name]
        defaults: dict[str, Any] = {}
        if name == "chat":
            defaults["max_tokens"] = None
        fields[kind] = RequestFields(
            accepted=accepted,
            required=_REQUIRED[name],
            unknown_why=why,
            unknown_severity="no-effect",
            replaced=_REPLACED,
            schema_path=_SCHEMA_PATH,
            parameters=VllmAscendParameters,
            defaults=defaults,
            nullable=_nullable(accepted, server.request_types[name]),
        )
    fields[Kind.GENERATE] = RequestFields(
        accepted=_GENERATE,
        required=("prompt",),
        unknown_why=f"vLLM {version} passes every field to SamplingParams and answers 500 to unknown ones "
        "(vllm/entrypoints/api_server.py)",
        schema_path=_SCHEMA_PATH,
        parameters=VllmAscendParameters,
    )
    return {**fields, **_pooling_fields(why)}


def _nullable(accepted: frozenset[str], types: Mapping[str, str]) -> tuple[str, ...]:
    """The fields that may be null: their type allows it, or is not known."""
    names = []
    for name in sorted(accepted):
        if types.get(name, _NULL).endswith(_NULL):
            names.append(name)
    return tuple(names)


def _pooling_fields(why: str) -> dict[Kind, RequestFields]:
    """The fields of requests that are answered with numbers."""
    fields = {}
    for kind, further in _POOLING_FIELDS.items():
        fields[kind] = RequestFields(
            accepted=_POOLING | further,
            required=_POOLING_REQUIRED[kind],
            unknown_why=why,
            unknown_severity="no-effect",
            parameters=VllmAscendParameters,
            nullable=tuple(sorted(_POOLING | further)),
        )
    return fields
