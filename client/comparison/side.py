"""The two servers of a comparison: services of a stack, or addresses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from client.http import Link, UnreachableError, get
from models.engines.requests import POOLING, Kind
from models.engines.tasks import task_of
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.parse import parse_stack

_SHORTEST_MODEL = 4096
"""Tokens of a model, if the server does not report its length."""

_KINDS_OF_TASKS = {"embed": Kind.EMBED, "rerank": Kind.RERANK}


@dataclass(frozen=True)
class Side:
    """One of both servers."""

    name: str
    """Its service, or its address."""
    service: ResolvedService
    link: Link
    kind: Kind
    """The kind of requests that it answers."""

    @property
    def has_texts(self) -> bool:
        """Whether it answers with text, not with numbers."""
        return self.kind not in POOLING


def kind_of(service: ResolvedService) -> Kind:
    """The kind of requests that ask a service."""
    if service.server.kind == "api_server":
        return Kind.GENERATE
    task = task_of(service) or "generate"
    return _KINDS_OF_TASKS.get(task, Kind.CHAT)


async def described(link: Link) -> ResolvedService:
    """A service as a server describes itself: its release, its model, and the longest request.

    Raises:
        UnreachableError: The server does not answer, or it is not a vLLM server.
    """
    model = await _first_model(link)
    version = await _version(link)
    engine: dict[str, Any] = {
        "servedModelName": str(model["id"]),
        "maxModelLen": _SHORTEST_MODEL,
    }
    if isinstance(model.get("max_model_len"), int):
        engine["maxModelLen"] = model["max_model_len"]
    service = {
        "image": f"quay.io/ascend/vllm-ascend:v{version}",
        "model": "/model",
        "engine": engine,
    }
    values = {"cluster": {"context": "none"}, "services": {"server": service}}
    stack = parse_stack("server", link.url, values, {})
    if not stack.services:
        reasons = "; ".join(finding.message for finding in stack.findings)
        raise _not_vllm(link, reasons)
    return resolve(stack).services[0]


async def _first_model(link: Link) -> dict[str, Any]:
    status, text, _ = await get(link, "/v1/models")
    if status in (401, 403):
        raise UnreachableError(
            f"{link.hidden(link.url)} answers {status} to /v1/models",
            "pass the API key: --api-key-file, or VLLM_API_KEY",
        )
    try:
        model = json.loads(text)["data"][0]
        return {**model, "id": model["id"]}
    except (ValueError, LookupError, TypeError):
        raise _not_vllm(link, f"/v1/models answers {status} without a model") from None


async def _version(link: Link) -> str:
    """The version of vLLM, such as `0.23.0`; `main` if the server does not report it."""
    status, text, _ = await get(link, "/version")
    if status != 200:
        return "main"
    try:
        version = str(json.loads(text)["version"])
    except (ValueError, LookupError, TypeError):
        return "main"
    number = version.partition("+")[0]
    if number.replace(".", "").isalnum() and number.isascii():
        return number
    return "main"


def _not_vllm(link: Link, reason: str) -> UnreachableError:
    return UnreachableError(
        f"{link.hidden(link.url)} is not the server of a model: {reason}",
        "name the address of a vLLM server, such as http://localhost:8080",
    )
