"""Check that prompt and answer fit the service. If the text is long, the server counts its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from client.http import Link, post
from client.request import with_origins, words
from client.service_rules import answer_field, length_error, truncated
from models.engines.requests import POOLING, Request
from models.finding import Finding
from models.service.resolved import ResolvedService

_TEMPLATE_TOKENS = 256
"""Most tokens that a chat template adds."""


async def too_long(
    link: Link,
    request: Request,
    service: ResolvedService,
) -> Finding | None:
    """A finding if prompt and answer together are too long.

    A text has at most as many tokens as bytes, so most prompts are short enough without counting. Otherwise the
    server's `/tokenize` counts them (vllm/entrypoints/openai/api_server.py:274). The plain server does not have this
    path, and nobody can count the tokens of pictures: then the server decides.

    Raises:
        UnreachableError: The server does not answer.
    """
    if request.kind in POOLING:
        return None
    longest = service.engine.max_model_len
    answer_tokens = int(request.body.get(answer_field(request, service)) or 1)
    prompt_bytes = len(words(request.body).encode())
    if prompt_bytes + _TEMPLATE_TOKENS + answer_tokens <= longest:
        return None
    if request.endpoint.server != "openai" or request.pictures:
        return None
    prompt_tokens = truncated(request, await _count_tokens(link, request.body))
    if prompt_tokens + answer_tokens <= longest:
        return None
    finding = length_error(request, service, prompt_tokens, answer=answer_tokens)
    return with_origins(finding, service)


async def _count_tokens(link: Link, body: Mapping[str, Any]) -> int:
    """The tokens of a prompt. 0: the server does not count them."""
    prompt = {key: body[key] for key in ("model", "messages", "prompt") if key in body}
    if not isinstance(prompt.get("prompt", ""), str):
        return 0
    answer = await post(link, "/tokenize", prompt)
    count = answer.data.get("count")
    if answer.status != 200 or not isinstance(count, int):
        return 0
    return count
