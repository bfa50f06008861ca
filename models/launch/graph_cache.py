"""The cache of compiled graphs: what it is kept under, and the lines of the launch script that use it.

A server that was started with another model or other arguments fails on the graphs of the one before (manual, Step 3);
under a key of all that they depend on, it never meets them.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence

from models.launch.scripts import GRAPH_CACHE

HARMLESS_FLAGS = frozenset(
    {
        *("host", "port", "root-path", "ssl-keyfile", "ssl-certfile", "ssl-ca-certs", "ssl-cert-reqs"),
        *("allow-credentials", "allowed-origins", "allowed-methods", "allowed-headers", "api-key"),
        *("served-model-name", "chat-template", "response-role", "enable-auto-tool-choice", "tool-call-parser"),
        *("return-tokens-as-token-ids", "disable-fastapi-docs"),
        *("uvicorn-log-level", "log-level", "disable-log-stats", "disable-log-requests", "max-log-len"),
        "otlp-traces-endpoint",
    }
)
"""Flags of the HTTP server and of logging; no graph depends on them. Any other flag may change the graphs: those that
load code into the server too (`middleware`, `tool-parser-plugin`)."""

HARMLESS_VARIABLES = frozenset(
    {
        *("VLLM_ENGINE_ITERATION_TIMEOUT_S", "VLLM_RPC_TIMEOUT"),
        *("VLLM_IMAGE_FETCH_TIMEOUT", "VLLM_AUDIO_FETCH_TIMEOUT", "VLLM_API_KEY"),
        *("VLLM_LOGGING_LEVEL", "VLLM_CONFIGURE_LOGGING", "VLLM_LOGGING_CONFIG_PATH", "VLLM_LOGGING_PREFIX"),
        *("VLLM_NO_USAGE_STATS", "VLLM_DO_NOT_TRACK", "DO_NOT_TRACK", "VLLM_RINGBUFFER_WARNING_INTERVAL"),
        *("ASCEND_GLOBAL_LOG_LEVEL", "ASCEND_GLOBAL_EVENT_ENABLE", "ASCEND_SLOG_PRINT_TO_STDOUT"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TZ"),
    }
)
"""Variables of timeouts, logging, usage statistics and the network; no graph depends on them."""


def graph_cache_key(
    image: str,
    model_source: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    harmless_flags: Collection[str] = HARMLESS_FLAGS,
    harmless_variables: Collection[str] = HARMLESS_VARIABLES,
) -> str:
    """Twelve hexadecimal digits that stand for all that compiled graphs depend on.

    Args:
        image: Image of the container.
        model_source: Directory of the weights.
        argv: The argument list of the launch; the order of its flags does not count.
        environment: The variables of the launch.
        harmless_flags: Flags that do not count, without `--`.
        harmless_variables: Variables that do not count.
    """
    flags = {name: values for name, values in _by_flag(argv).items() if name not in harmless_flags}
    variables = {name: value for name, value in environment.items() if name not in harmless_variables}
    text = json.dumps([image, model_source, flags, variables], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def graph_cache_lines(root: str, service: str, key: str, *, directory: str) -> str:
    """The lines of the launch script that put the server into its directory of the cache.

    They come right before the server's `exec`. A process that is started in the background after them needs `9>&-`,
    or it keeps the slot from a server that starts again.

    Args:
        root: Where the container sees the cache's volume.
        service: Name of the service.
        key: What `graph_cache_key` gave.
        directory: Where the container sees the files beside the launch script.
    """
    return (
        f"source {shlex.quote(f'{directory}/{GRAPH_CACHE}')}\n"
        f"use_graph_cache {shlex.quote(root)} {shlex.quote(service)} {shlex.quote(key)}\n"
    )


def _by_flag(argv: Iterable[str]) -> dict[str, list[str]]:
    """The values of each flag in their order, those of a flag that is repeated together; the program's under ''."""
    flags: dict[str, list[str]] = {}
    name = ""
    for word in argv:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            flags.setdefault(name, []).extend([value] if equals else [])
        else:
            flags.setdefault(name, []).append(word)
    return flags
