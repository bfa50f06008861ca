"""Rules on requests that hold for every release. A release adds its own (`models/engines`)."""

from __future__ import annotations

from collections.abc import Iterator

from client.request import tokens_given
from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Kind, Request, service_key
from models.finding import Finding, Mark, error
from models.rules.registry import request_rule
from models.stack_file.errors import nearest
from models.words import counted


@request_rule("error")
def model_not_served(request: Request, _: Parameters, server: ModelServer) -> Iterator[Finding]:
    """The model is one that the service serves: its names, else the path of its weights, and its LoRA adapters."""
    names, given = server.model_names, request.body.get("model")
    if request.kind is not Kind.GENERATE and given not in names:
        near = nearest(str(given), dict.fromkeys(names))
        yield error(
            f"{server.name} serves no model {given!r}",
            why="vLLM answers 404 to other names (vllm/entrypoints/openai/serving_engine.py:169)",
            fix=f"write {near}" if near else f"name one of: {', '.join(names)}",
            marks=[request.at("model"), service_key(server, "engine.servedModelName")],
        )


@request_rule("error")
def too_long(request: Request, parameters: Parameters, server: ModelServer) -> Iterator[Finding]:
    """Prompt and max_tokens together are within the service's length; a text is one token at least."""
    prompt, longest = max(tokens_given(request.body), 1), server.engine.max_model_len
    answer = parameters.max_tokens or 1
    if prompt + answer > longest:
        yield length_error(request, server, prompt, answer)


def length_error(request: Request, server: ModelServer, prompt: int, answer: int) -> Finding:
    """A request that is longer than the service allows, by the tokens of its prompt and of its answer."""
    longest = server.engine.max_model_len
    return Finding(
        "too-long",
        "error",
        f"{counted(prompt, 'token')} of the prompt and max_tokens {answer} are more than {longest}",
        "vLLM answers 400 beyond maxModelLen (vllm/entrypoints/openai/serving_engine.py:272)",
        f"lower max_tokens to {longest - prompt}" if prompt < longest else "shorten the prompt",
        (request.at("max_tokens"), service_key(server, "engine.maxModelLen")),
    )


@request_rule("error")
def picture_count(request: Request, _: Parameters, server: ModelServer) -> Iterator[Finding]:
    """Pictures go to services for pictures, and no more of them than one request may have."""
    given = len(request.pictures)
    where = Mark(("PICTURE",)) if request.kind is Kind.IMAGE and not request.file else request.at("messages")
    if given and server.multimodal is None:
        yield error(
            f"{server.name} reads no pictures",
            why="multimodal is not set, so its model is taken for one of text",
            fix="ask a service that has multimodal, or set multimodal: true for a model that reads pictures",
            marks=[where, service_key(server, "multimodal")],
        )
        return
    most = (server.multimodal and server.multimodal.images_per_prompt) or 1
    if given > most:
        yield error(
            f"{given} pictures are more than the {most} that {server.name} takes in a request",
            why="vLLM answers 400 beyond --limit-mm-per-prompt (vllm/entrypoints/chat_utils.py:208)",
            fix=f"send {most}, or set multimodal.imagesPerPrompt: {given}",
            marks=[where, service_key(server, "multimodal.imagesPerPrompt")],
        )


SERVICE_RULES = (model_not_served, too_long, picture_count)
"""The rules; the name of each is its id."""
