"""The fields of requests that a release of vllm-ascend accepts: those of vLLM."""

from __future__ import annotations

from typing import Any

from models.engines.requests import Kind, RequestFields
from models.engines.vllm_ascend.tables import ServerTable

_TABLES = {Kind.CHAT: "chat", Kind.IMAGE: "chat", Kind.COMPLETE: "complete"}
"""The kinds of requests to the OpenAI server, and their tables."""

_REQUIRED = {"chat": ("messages",), "complete": ("prompt",)}


def request_fields(version: str, server: ServerTable) -> dict[Kind, RequestFields]:
    """The fields by the kind of request.

    Args:
        version: The release.
        server: The table of the release's server.
    """
    why = f"vLLM {version} ignores unknown fields without a message ({server.unknown_fields_where})"
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
            defaults=defaults,
            nullable=tuple(sorted(accepted)),
        )
    return fields
