"""Checks of names that vLLM looks up, and of flags that only some models have; two rules apply them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.tables import flag_table
from models.engines.vllm_ascend.vllm_refusals import refused_flag
from models.finding import at

_BACKEND_FLAGS = ("attention-backend", "mm-encoder-attn-backend")
_AUTO = "attention-backend"
"""The flag that also accepts `auto`."""

_OF_PICTURES = "mm-encoder-attn-backend"
"""The flag that vLLM reads only for multimodal models."""


def attention_backends(server: ModelServer) -> Iterator[Problem]:
    """vLLM looks the name up before the plugin replaces it. Lower case is accepted."""
    known = flag_table(server.release.version).attention_backends
    reads_only_text = server.facts is not None and not server.facts.multimodal
    for flag in _BACKEND_FLAGS:
        if flag == _OF_PICTURES and reads_only_text:
            continue
        backend = server.further(flag)
        if not isinstance(backend, str) or backend in ("", "None"):
            continue
        if backend.upper() in known or (flag == _AUTO and backend.lower() == "auto"):
            continue
        because = f"{backend} is no attention backend of vLLM {server.release.version}"
        yield refused_flag(server, flag, "attention-backend-unknown", because)
    yield from _backend_of_config(server, known)


def _backend_of_config(
    server: ModelServer, known: tuple[str, ...]
) -> Iterator[Problem]:
    flag = "attention-config"
    config = server.further(flag)
    backend = config.get("backend") if isinstance(config, dict) else None
    if not isinstance(backend, str) or backend.upper() in (*known, "AUTO"):
        return
    key = extra_argument_key(server, flag)
    yield Problem(
        "attention-backend-unknown",
        f"the backend {backend} of --{flag} is no attention backend of vLLM {server.release.version}",
        f"remove {key}.backend",
        [at(key, key="backend")],
    )


def reasoning_parser(server: ModelServer) -> Iterator[Problem]:
    """A plugin for parsers can add names."""
    flag = "reasoning-config"
    config = server.further(flag)
    parser = config.get("reasoning_parser") if isinstance(config, dict) else None
    if not isinstance(parser, str) or not parser:
        yield from _no_reasoning_parser(server)
        return
    if server.further("reasoning-parser-plugin"):
        return
    known = flag_table(server.release.version).server.reasoning_parsers
    if parser in known:
        return
    key = extra_argument_key(server, flag)
    fix = f"remove {key}"
    if server.server.reasoning_parser or _has_both_texts(config):
        fix = f"remove {key}.reasoning_parser"
    yield Problem(
        "reasoning-parser-unknown",
        f"the reasoning_parser {parser} of --{flag} is no parser of vLLM {server.release.version}",
        fix,
        [at(key, key="reasoning_parser")],
    )


def _no_reasoning_parser(server: ModelServer) -> Iterator[Problem]:
    """A release that looks up the empty name does so unless both texts around the reasoning are set."""
    flag = "reasoning-config"
    config = server.further(flag)
    if not isinstance(config, dict) or server.server.reasoning_parser:
        return
    if _has_both_texts(config):
        return
    because = "has neither a reasoning_parser nor both reasoning_start_str and reasoning_end_str"
    yield refused_flag(server, flag, "reasoning-parser-missing", because)


def _has_both_texts(config: Mapping[str, Any]) -> bool:
    """Whether `--reasoning-config` contains the texts that start and end the reasoning."""
    texts = (config.get("reasoning_start_str"), config.get("reasoning_end_str"))
    return all(texts)


def adapters_of_pictures(server: ModelServer) -> Iterator[Problem]:
    """A model that reads only text has no adapters for other items of a request."""
    flag = "default-mm-loras"
    facts = server.facts
    if facts is None or facts.multimodal or not server.further(flag):
        return
    yield Problem(
        "adapters-without-pictures",
        f"--{flag} is set, but {server.model.name} reads only text",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag), at("model.name", "reads only text")],
    )


def rounding_of_mamba(server: ModelServer) -> Iterator[Problem]:
    """Stochastic rounding is for a cache of float16."""
    flag = "enable-mamba-cache-stochastic-rounding"
    dtype = server.further("mamba-ssm-cache-dtype") or "auto"
    if server.further(flag) is not True or dtype == "float16":
        return
    because = f"needs --mamba-ssm-cache-dtype float16, not {dtype}"
    yield refused_flag(server, flag, "mamba-rounding", because)


def map_location(server: ModelServer) -> Iterator[Problem]:
    """A mapping of devices maps texts to texts."""
    flag = "pt-load-map-location"
    location = server.further(flag)
    if not isinstance(location, dict):
        return
    others = [name for name, value in location.items() if not isinstance(value, str)]
    if not others:
        return
    yield Problem(
        "map-location-text",
        f"{others[0]} of --{flag} must be text, not {location[others[0]]!r}",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag)],
    )


def load_balancing(server: ModelServer) -> Iterator[Problem]:
    """A load balancer in front of the ranks needs the place of each rank, which the program does not write."""
    needs = {
        "data-parallel-external-lb": "data-parallel-rank",
        "data-parallel-hybrid-lb": "data-parallel-size-local",
    }
    for flag, needed in needs.items():
        if server.further(flag) is not True or server.further(needed) is not None:
            continue
        yield refused_flag(server, flag, flag, f"needs --{needed}")


def data_parallel_backend(server: ModelServer) -> Iterator[Problem]:
    """The parser accepts any text."""
    flag = "data-parallel-backend"
    backend = server.further(flag)
    if backend is None or backend in ("mp", "ray"):
        return
    yield refused_flag(server, flag, flag, f"is {backend}, neither mp nor ray")
