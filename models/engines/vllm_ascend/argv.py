"""The command that starts a server of vllm-ascend: `vllm serve MODEL`, with each key as the release's own flag."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.features import (
    CannGraph,
    DraftModel,
    MtpLayers,
    Multimodal,
    NgramLookup,
    Speculative,
    SuffixLookup,
)
from models.engines.flags import Flag, flag_words
from models.engines.model_server import ModelServer
from models.engines.server import Server
from models.engines.vllm_ascend.drain import SHUTDOWN_FLAG, shutdown_seconds
from models.engines.vllm_ascend.group_flags import FLAGS_OF_GROUPS, LEADER_ONLY
from models.engines.vllm_ascend.json_names import (
    compilation_names,
    plugin_names,
    speculative_names,
)
from models.engines.vllm_ascend.kv_transfer import kv_transfer_config
from models.engines.vllm_ascend.owned_keys import ENGINE_FLAGS

ALWAYS_SET = ("max-model-len", "tensor-parallel-size", "gpu-memory-utilization")
"""Flags that the command always has, so that a service does not change with the defaults of a release."""

_METHODS = {"draft": "draft_model"}
"""Kinds of speculative decoding that vLLM calls by another name."""


def argv(server: ModelServer, chat_template: str | None) -> tuple[str, ...]:
    """The argument list, beginning with the program.

    Args:
        server: The server.
        chat_template: Path of the chat template in the container, if the service has one.
    """
    words = _program(server)
    for name, value in _flags(server, chat_template):
        words.extend(flag_words(server.release.flags[name], value))
    for key, value in {**server.engine.extra_args, **server.server.extra_args}.items():
        flag = server.release.flag(key)
        if flag and not _is_of_members(server, flag):
            words.extend(flag_words(flag, value))
    return tuple(words)


def _is_of_members(server: ModelServer, flag: Flag) -> bool:
    """Whether only some pods of a group have a flag; see `group_flags.py`."""
    return server.group is not None and flag.name in (*LEADER_ONLY, *FLAGS_OF_GROUPS)


def _program(server: ModelServer) -> list[str]:
    """The program and the model. Only the OpenAI server has a command; the plain one is a module.

    A service with a server that the release lacks is refused, but `diff` shows its launch.
    """
    module = server.release.modules.get(server.server.kind)
    if server.server.kind == "openai" or module is None:
        return ["vllm", "serve", server.model.path]
    return ["python", "-m", module, f"--model={server.model.path}"]


def _flags(server: ModelServer, chat_template: str | None) -> Iterator[tuple[str, Any]]:
    yield from _engine_flags(server)
    yield from _graph_flags(server)
    if "prefixCaching" in server.configured:
        yield "enable-prefix-caching", server.prefix_caching
    if server.quantization:
        yield "quantization", server.quantization
    if server.lora:
        adapters = server.lora.adapters.items()
        yield "enable-lora", True
        yield "lora-modules", [_adapter(name, path) for name, path in adapters]
        yield "max-lora-rank", server.lora.max_rank
        yield "max-loras", server.lora.max_loras
        yield "max-cpu-loras", server.lora.max_loras
    if server.speculative:
        yield (
            "speculative-config",
            speculative_config(server, server.speculative),
        )
    if server.multimodal:
        limits = _items_per_prompt(server.multimodal)
        if limits:
            yield "limit-mm-per-prompt", limits
    if server.engine.additional_config:
        yield (
            "additional-config",
            plugin_names(server.release.version, server.engine.additional_config),
        )
    if server.kv_transfer:
        yield "kv-transfer-config", kv_transfer_config(server.kv_transfer)
    yield from _server_flags(server.server, chat_template)
    yield from _shutdown_flag(server)


def _adapter(name: str, path: str) -> str:
    """A word of `--lora-modules`: `name=path`, or JSON if vLLM would split it elsewhere."""
    word = f"{name}={path}"
    if word.count("=") == 1 and "," not in word and not word.startswith(("-", "{")):
        return word
    return json.dumps({"name": name, "path": path}, ensure_ascii=False)


def _engine_flags(server: ModelServer) -> Iterator[tuple[str, Any]]:
    for name in ENGINE_FLAGS:
        flag = name.replace("_", "-")
        key = type(server.engine).model_fields[name].alias
        is_set = f"engine.{key}" in server.configured or flag in ALWAYS_SET
        value = getattr(server.engine, name)
        if is_set and value is not None and value != []:
            yield flag, value


def _graph_flags(server: ModelServer) -> Iterator[tuple[str, Any]]:
    if server.graph.kind == "eager":
        yield "enforce-eager", True
    config = compilation_config(server)
    if config:
        yield "compilation-config", config


def compilation_config(server: ModelServer) -> dict[str, Any]:
    """The value of `--compilation-config`: the fields of the stack file, and those that `graph` sets."""
    config = compilation_names(server.release.version, server.engine.compilation_config)
    if isinstance(server.graph, CannGraph):
        if server.graph.mode:
            config["cudagraph_mode"] = server.graph.mode
        if server.graph.capture_sizes:
            config["cudagraph_capture_sizes"] = server.graph.capture_sizes
    return config


def speculative_config(
    server: ModelServer, speculative: Speculative
) -> Mapping[str, Any]:
    """The value of `--speculative-config`: the fields of the typed keys, then those under `config`.

    A draft model is split into as many parts as the model. Other numbers end the start
    (vllm/v1/spec_decode/draft_model.py, vllm_ascend/spec_decode/draft_proposer.py).
    """
    config: dict[str, Any] = {
        "method": _METHODS.get(speculative.kind, speculative.kind),
        "num_speculative_tokens": speculative.tokens,
    }
    if isinstance(speculative, NgramLookup):
        config["prompt_lookup_max"] = speculative.prompt_lookup_max
        config["prompt_lookup_min"] = speculative.prompt_lookup_min
    elif not isinstance(speculative, MtpLayers | SuffixLookup):
        config["model"] = speculative.source
    if isinstance(speculative, DraftModel):
        config["draft_tensor_parallel_size"] = server.engine.tensor_parallel_size
    return config | speculative_names(server.release.version, speculative.config)


def _items_per_prompt(multimodal: Multimodal) -> dict[str, int]:
    """The value of `--limit-mm-per-prompt`."""
    limits = dict(multimodal.items_per_prompt)
    if multimodal.images_per_prompt:
        limits["image"] = multimodal.images_per_prompt
    return limits


def _server_flags(
    server: Server, chat_template: str | None
) -> Iterator[tuple[str, Any]]:
    yield "host", server.host
    yield "port", server.port
    if chat_template:
        yield "chat-template", chat_template
    if server.reasoning_parser:
        yield "reasoning-parser", server.reasoning_parser
    if server.tool_call_parser:
        yield "enable-auto-tool-choice", True
        yield "tool-call-parser", server.tool_call_parser


def _shutdown_flag(server: ModelServer) -> Iterator[tuple[str, Any]]:
    seconds = shutdown_seconds(server)
    if seconds and server.further(SHUTDOWN_FLAG) is None:
        yield SHUTDOWN_FLAG, seconds
