"""Rules on requests that apply to every release. A release adds its own rules (`models/engines`).

The name of a rule's function is its id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from client.request import tokens_given
from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import POOLING, Kind, Request, service_key
from models.finding import Finding, Mark, error
from models.rules.registry import request_rule
from models.stack_file.errors.unknown_keys import nearest
from models.words import counted, listed


@request_rule("error")
def model_not_served(
    request: Request,
    _: Parameters,
    server: ModelServer,
) -> Iterator[Finding]:
    """The service serves the model: by its served names, else the path of its weights, and its LoRA adapters."""
    if request.kind is Kind.GENERATE:
        return
    names = server.model_names
    model = request.body.get("model")
    if model in names:
        return
    similar = nearest(str(model), dict.fromkeys(names)) or names[0]
    fix = f"write model: {json.dumps(similar)}"
    if len(names) > 1:
        fix += f" (the service serves {listed(names)})"
    yield error(
        f"{server.name} does not serve the model {model!r}",
        why=f"vLLM answers 404 to other names ({_source(server, 'model-not-served')})",
        fix=fix,
        marks=[request.at("model"), service_key(server, "engine.servedModelName")],
    )


@request_rule("error")
def too_long(
    request: Request,
    parameters: Parameters,
    server: ModelServer,
) -> Iterator[Finding]:
    """Prompt and max_tokens together do not exceed maxModelLen. A text has at least one token."""
    if request.kind in POOLING:
        return
    prompt = truncated(request, max(tokens_given(request.body), 1))
    answer = parameters.answer_tokens or 1
    if prompt + answer > server.engine.max_model_len:
        yield length_error(request, server, prompt, answer=answer)


def length_error(
    request: Request,
    server: ModelServer,
    prompt: int,
    answer: int,
) -> Finding:
    """The finding about a request that is too long.

    Args:
        request: The request.
        server: The server.
        prompt: Tokens of the prompt.
        answer: Tokens of the answer.
    """
    longest = server.engine.max_model_len
    field = answer_field(request, server)
    fix = "shorten the prompt"
    if prompt < longest:
        fix = f"write {field}: {longest - prompt}"
    return Finding(
        rule="too-long",
        severity="error",
        message=f"{counted(prompt, 'prompt token')} and {field} {answer} exceed maxModelLen {longest}",
        why=f"vLLM answers 400 to requests that are longer than maxModelLen ({_source(server, 'too-long')})",
        fix=fix,
        marks=(request.at(field), service_key(server, "engine.maxModelLen")),
    )


def answer_field(request: Request, server: ModelServer) -> str:
    """The field that limits the tokens of the answer."""
    newer = "max_completion_tokens"
    accepted = server.release.request_fields[request.kind].accepted
    if newer in accepted and request.body.get(newer) is not None:
        return newer
    return "max_tokens"


def truncated(request: Request, prompt: int) -> int:
    """The tokens of a prompt that the server keeps if the request sets truncate_prompt_tokens. -1 keeps what fits."""
    limit = request.body.get("truncate_prompt_tokens")
    if limit == -1:
        return 1
    if not isinstance(limit, int) or limit < 1:
        return prompt
    return min(prompt, limit)


def _source(server: ModelServer, rule: str) -> str:
    return server.release.request_sources[rule]


@request_rule("error")
def picture_count(
    request: Request,
    _: Parameters,
    server: ModelServer,
) -> Iterator[Finding]:
    """The service reads pictures, and the request has at most as many as it allows."""
    count = len(request.pictures)
    if not count:
        return
    mark = request.at("messages")
    if request.kind is Kind.IMAGE and not request.file:
        mark = Mark(("PICTURE",))
    if server.multimodal is None:
        yield error(
            f"{server.name} does not read pictures",
            why="multimodal is not set, so the model reads text only",
            fix="write multimodal: true in the stack file, or send the request to a service that reads pictures",
            marks=[mark, service_key(server, "multimodal")],
        )
        return
    limit = server.multimodal.images_per_prompt or 1
    if count > limit:
        yield error(
            f"the request has {count} pictures, but {server.name} allows {limit}",
            why=f"vLLM answers 400 to more than --limit-mm-per-prompt ({_source(server, 'picture-count')})",
            fix=f"write multimodal.imagesPerPrompt: {count} in the stack file, or send {counted(limit, 'picture')}",
            marks=[mark, service_key(server, "multimodal.imagesPerPrompt")],
        )


SERVICE_RULES = (
    model_not_served,
    too_long,
    picture_count,
)
