"""Checks of names that vLLM looks up, and of flags that only some models have; two rules apply them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.tables import flag_table
from models.engines.vllm_ascend.vllm_refusals import refused_flag
from models.finding import at
from models.yaml_scalar import as_yaml

_BACKEND_FLAGS = ("attention-backend", "mm-encoder-attn-backend")
_AUTO = "attention-backend"
"""The flag that also accepts `auto`."""

_IN_ANY_CASE = ("mamba-backend",)
"""Flags whose names vLLM looks up in upper case."""

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
    yield from _backends_of_kinds(server, known)


def _backends_of_kinds(
    server: ModelServer, known: tuple[str, ...]
) -> Iterator[Problem]:
    """A release can have a backend for each kind of layers."""
    flag, field = "attention-config", "backend_per_kind"
    config = server.further(flag)
    backends = config.get(field) if isinstance(config, dict) else None
    if not isinstance(backends, dict):
        return
    key = extra_argument_key(server, flag)
    for kind, backend in backends.items():
        if not isinstance(backend, str) or backend.upper() in known:
            continue
        yield Problem(
            "attention-backend-of-kind",
            f"{field}.{kind} of --{flag} is {backend}, which is no attention backend of vLLM {server.release.version}",
            f"remove {key}.{field}",
            [at(key, key=field)],
        )


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
    refusal = "reasoning-parser-unknown"
    if _has_both_texts(config):
        refusal = "reasoning-parser-unknown-with-texts"
    if server.server.reasoning_parser or _has_both_texts(config):
        fix = f"remove {key}.reasoning_parser"
    yield Problem(
        refusal,
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


def looked_up_names(server: ModelServer) -> Iterator[Problem]:
    """A name exists that the parser accepts and that vLLM looks up afterwards."""
    version = server.release.version
    for flag, known in flag_table(version).looked_up_names.items():
        name = server.further(flag)
        if not isinstance(name, str) or name in known:
            continue
        if flag in _IN_ANY_CASE and name.upper() in known:
            continue
        key = extra_argument_key(server, flag)
        yield Problem(
            flag,
            f"--{flag} {as_yaml(name)} does not exist in vLLM {version}: it has {', '.join(known)}",
            f"remove {key}",
            [extra_argument_mark(server, flag)],
        )


def version_of_metrics(server: ModelServer) -> Iterator[Problem]:
    """The release whose hidden metrics are shown is a version."""
    flag = "show-hidden-metrics-for-version"
    text = server.further(flag)
    if not isinstance(text, str) or text in ("", "None") or _is_version(text):
        return
    yield Problem(
        "hidden-metrics-version",
        f"--{flag} {as_yaml(text)} is not a version",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag)],
    )


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


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


def fault_tolerance(server: ModelServer) -> Iterator[Problem]:
    """The server balances the load itself, and then vLLM does not replace failed ranks."""
    flag = "enable-fault-tolerance"
    is_external = server.further("data-parallel-external-lb") is True
    has_rank = server.further("data-parallel-rank") is not None
    if server.further(flag) is not True or is_external or has_rank:
        return
    because = "needs an external load balancer: --data-parallel-external-lb or --data-parallel-rank"
    yield refused_flag(server, flag, flag, because)


def metrics_of_speculation(server: ModelServer) -> Iterator[Problem]:
    """Metrics of speculative decoding need speculative decoding."""
    flag = "per-request-spec-decode-metrics"
    metrics = server.further(flag)
    if metrics in (None, "none") or server.speculative is not None:
        return
    yield refused_flag(server, flag, flag, f"{metrics} needs speculative decoding")


def backend_of_other_hardware(server: ModelServer) -> Iterator[Problem]:
    """Some backends of Kimi's linear attention run on CUDA or on ROCm only."""
    flag = "kda-prefill-backend"
    hardware = {"flashkda": "CUDA", "fused": "ROCm"}.get(server.further(flag))
    if hardware:
        yield refused_flag(server, flag, flag, f"runs on {hardware} only")
