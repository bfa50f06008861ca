"""The command that starts a server of Ascend-vLLM, with its flags in the manual's order (Step 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.engines.ascend_vllm.owned_keys import ENGINE_FLAGS
from models.engines.features import (
    DraftModel,
    EagleHead,
    NgramLookup,
    Speculative,
)
from models.engines.flags import flag_words
from models.engines.model_server import ModelServer

_OMITTED_DEFAULTS = {"pipeline_parallel_size": 1, "num_scheduler_steps": 1}
"""Defaults of the engine that the manual's commands omit."""


def argv(server: ModelServer, chat_template: str | None) -> tuple[str, ...]:
    """The argument list, beginning with the program.

    Args:
        server: The server.
        chat_template: Path of the chat template in the container, if the service has one.
    """
    words = ["python", "-m", server.release.modules[server.server.kind]]
    for name, value in _flags(server, chat_template):
        words.extend(flag_words(server.release.flags[name], value))
    for key, value in {**server.engine.extra_args, **server.server.extra_args}.items():
        flag = server.release.flag(key)
        if flag:
            words.extend(flag_words(flag, value))
    return tuple(words)


def _flags(server: ModelServer, chat_template: str | None) -> Iterator[tuple[str, Any]]:
    yield "model", server.model.path
    yield from _engine_flags(server)
    yield "enforce-eager", server.graph.kind == "eager"
    yield "enable-prefix-caching", server.prefix_caching
    if server.quantization:
        yield "quantization", server.quantization
    if server.lora:
        adapters = server.lora.adapters.items()
        yield "enable-lora", True
        yield "lora-modules", [f"{name}={path}" for name, path in adapters]
        yield "max-lora-rank", server.lora.max_rank
        yield "max-loras", server.lora.max_loras
        yield "max-cpu-loras", server.lora.max_loras
    if server.speculative:
        yield from _speculative_flags(server.speculative)
    if server.multimodal and server.multimodal.images_per_prompt:
        yield "limit-mm-per-prompt", {"image": server.multimodal.images_per_prompt}
    yield "host", server.server.host
    yield "port", server.server.port
    if chat_template:
        yield "chat-template", chat_template


def _engine_flags(server: ModelServer) -> Iterator[tuple[str, Any]]:
    for name in ENGINE_FLAGS:
        value = getattr(server.engine, name)
        is_set = value is not None and value != []
        if is_set and value != _OMITTED_DEFAULTS.get(name):
            yield name.replace("_", "-"), value


def _speculative_flags(speculative: Speculative) -> Iterator[tuple[str, Any]]:
    if isinstance(speculative, NgramLookup):
        yield "speculative-model", "[ngram]"
        yield "num-speculative-tokens", speculative.tokens
        yield "ngram-prompt-lookup-max", speculative.prompt_lookup_max
        yield "ngram-prompt-lookup-min", speculative.prompt_lookup_min
    elif isinstance(speculative, DraftModel | EagleHead):
        yield "speculative-model", speculative.source
        yield "num-speculative-tokens", speculative.tokens
        yield "speculative-draft-tensor-parallel-size", 1
