"""Whether prompt and answer fit the service's length: asked of the server itself where it is not plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from client.http import Link, post
from client.request import with_origins, words
from client.service_rules import length_error
from models.engines.requests import Request, pictures
from models.finding import Finding
from models.service.resolved import ResolvedService

_TEMPLATE = 256
"""Tokens that a chat template may add to a text."""


async def too_long(link: Link, asked: Request, service: ResolvedService) -> Finding | None:
    """The finding about a text that is too long, or None.

    A text has no more tokens than bytes, so most need no look. Others are counted by the server's `/tokenize`
    (vllm/entrypoints/openai/api_server.py:274), which the plain server does not have; pictures are left to the server.

    Raises:
        UnreachableError: The server does not answer.
    """
    answer = int(asked.body.get("max_tokens") or 1)
    surely = len(words(asked.body).encode()) + _TEMPLATE + answer
    if surely <= service.engine.max_model_len or asked.endpoint.server != "openai" or pictures(asked.body):
        return None
    prompt = await _count(link, asked.body)
    if prompt + answer <= service.engine.max_model_len:
        return None
    return with_origins(length_error(asked, service, prompt, answer), service)


async def _count(link: Link, body: Mapping[str, Any]) -> int:
    """Tokens of a prompt; 0 when the server does not tell."""
    question = {key: body[key] for key in ("model", "messages", "prompt") if key in body}
    if not isinstance(question.get("prompt", ""), str):
        return 0
    answer = await post(link, "/tokenize", question)
    count = answer.data.get("count")
    return count if answer.status == 200 and isinstance(count, int) else 0
