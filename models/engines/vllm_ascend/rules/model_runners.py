"""Checks of settings that only one of the two model runners has; the rule on arguments of the engine applies them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.launch_settings import Setting, find_setting
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.vllm_refusals import refused_flag
from models.finding import Mark, at

_FILE = Path(__file__).parent.parent / "model_runners.json"
_VARIABLE = "VLLM_USE_V2_MODEL_RUNNER"
_SHARDED = "enable-batch-sharded-sampling"
_PLACES = {
    "enable-trace-replay": "first-runner-replay",
    "return-sampling-mask": "first-runner-mask",
}
"""Flags that vLLM refuses in a place of their own without the second runner."""

_MASK = "return-sampling-mask"
_NORMALIZED = "processed_logprobs"
_PREFILL = "prefill-context-parallel-size"

_SECOND_ONLY = ("watermark", "watermark-config")
"""Flags with which vLLM always uses the second runner."""

_WITHOUT_FULL_GRAPHS = ("NONE", "PIECEWISE")


def second_runner(server: ModelServer) -> Iterator[Problem]:
    """The second runner has everything that the server uses."""
    lacking = _lacking(server)
    if _selected(server) is not True or not lacking:
        return
    settings = " and ".join(setting.name for setting in lacking)
    yield Problem(
        "second-runner",
        f"{_VARIABLE} {server.env[_VARIABLE]} selects the second model runner, which does not have {settings}",
        f"remove env.{_VARIABLE}",
        [at("env", key=_VARIABLE), *(setting.mark for setting in lacking)],
    )


def first_runner(server: ModelServer) -> Iterator[Problem]:
    """The first runner has everything that the server uses. Settings that the second one lacks select the first."""
    selected = _selected(server)
    lacking = _lacking(server)
    if selected is True or (selected is None and not lacking):
        return
    if any(server.further(flag) for flag in _SECOND_ONLY) or _has_sparse_cache(server):
        return
    selecting: Mark = at("env", key=_VARIABLE)
    because = f"{_VARIABLE} is {server.env.get(_VARIABLE)}"
    if selected is None:
        selecting = lacking[0].mark
        because = f"{lacking[0].name} needs the first one"
    for setting in _of_second_runner(server):
        fix = setting.removal
        if not lacking:
            fix += f", or remove env.{_VARIABLE}"
        refusal = _refusal_of(server, setting)
        yield Problem(
            refusal,
            f"{setting.name} needs the second model runner, but {because}",
            fix,
            [setting.mark, selecting],
        )


def sampling_mask(server: ModelServer) -> Iterator[Problem]:
    """The returned probabilities belong to the tokens that can be sampled."""
    if server.further(_MASK) is not True:
        return
    if server.speculative:
        yield refused_flag(
            server, _MASK, "sampling-mask-speculation", "excludes speculative decoding"
        )
    elif server.further("logprobs-mode") != _NORMALIZED:
        because = f"needs --logprobs-mode {_NORMALIZED}"
        yield refused_flag(server, _MASK, "sampling-mask-mode", because)


def sharded_sampling(server: ModelServer) -> Iterator[Problem]:
    """Requests can be divided over the NPUs of a layer, whole."""
    if server.further(_SHARDED) is not True:
        return
    engine = server.engine
    parts = engine.tensor_parallel_size
    reasons = []
    if parts == 1:
        reasons.append("tensorParallelSize above 1")
    elif engine.max_num_seqs < parts:
        reasons.append(f"maxNumSeqs of at least tensorParallelSize {parts}")
    if server.further("max-logprobs") == -1:
        reasons.append("a limit of --max-logprobs, not -1")
    if server.further("return-sampling-mask") is True:
        reasons.append("--return-sampling-mask to be off")
    if not reasons:
        return
    yield Problem(
        "sharded-sampling",
        f"--{_SHARDED} needs {' and '.join(reasons)}",
        f"remove {extra_argument_key(server, _SHARDED)}",
        [extra_argument_mark(server, _SHARDED)],
    )


def adaptive_verification(server: ModelServer) -> Iterator[Problem]:
    """The number of verified tokens varies only with full graphs, in one stage, without adapters."""
    setting = _adaptive(server)
    if setting is None:
        return
    graph_mode = getattr(server.graph, "mode", None)
    reasons = {
        "adaptive-verification-adapters": server.lora and "LoRA",
        "adaptive-verification-graphs": _without_full_graphs(server, graph_mode),
        "adaptive-verification-pipeline": server.engine.pipeline_parallel_size > 1
        and "pipelineParallelSize above 1",
    }
    for refusal, reason in reasons.items():
        if reason:
            yield Problem(
                refusal,
                f"{setting.name} does not work with {reason}",
                setting.removal,
                [setting.mark],
            )


def _without_full_graphs(server: ModelServer, mode: str | None) -> str:
    """The graph mode, if it is certain that no graph contains the whole model; empty otherwise."""
    if server.graph.kind == "eager":
        return "graph: eager"
    return f"graph.mode {mode}" if mode in _WITHOUT_FULL_GRAPHS else ""


def _selected(server: ModelServer) -> bool | None:
    """Whether the variable selects the second runner; None without it."""
    text = server.env.get(_VARIABLE, "").strip()
    return bool(int(text)) if text.isdecimal() else None


def _refusal_of(server: ModelServer, setting: Setting) -> str:
    for flag, refusal in _PLACES.items():
        if setting.key == extra_argument_key(server, flag):
            return refusal
    return "first-runner"


def _has_sparse_cache(server: ModelServer) -> bool:
    config = server.further("attention-config")
    return isinstance(config, dict) and config.get("hisparse_config") is not None


def _of_second_runner(server: ModelServer) -> Iterator[Setting]:
    for flag in (_SHARDED, *_PLACES):
        if server.further(flag) is True:
            yield _flag(server, flag)
    if server.engine.prefill_context_parallel_size > 1:
        yield _flag(server, _PREFILL)
    adaptive = _adaptive(server)
    if adaptive:
        yield adaptive


def _adaptive(server: ModelServer) -> Setting | None:
    if server.speculative is None:
        return None
    path = ("enable_adaptive_verification",)
    setting = find_setting("speculative.config", server.speculative.config, path)
    return setting if setting and setting.value is True else None


def _lacking(server: ModelServer) -> list[Setting]:
    """The settings of a server that the second runner of its release does not have."""
    lacks = _second_runner_lacks().get(server.release.version)
    if lacks is None:
        return []
    found = [_flag(server, flag) for flag in lacks["flags"] if server.further(flag)]
    found += [
        _flag(server, flag)
        for flag in lacks["sizes"]
        if (server.further(flag) or 1) > 1
    ]
    for flag, values in lacks["values"].items():
        if server.further(flag) in values:
            found.append(_flag(server, flag))
    found += _sequence_parallelism(server)
    speculative = server.speculative
    if speculative and speculative.kind in lacks["speculation"]:
        kind = f"speculative decoding by {speculative.kind}"
        found.append(Setting(kind, kind, at("speculative.kind")))
    return found


def _sequence_parallelism(server: ModelServer) -> list[Setting]:
    config = server.engine.compilation_config
    path = ("pass_config", "enable_sp")
    switch = find_setting("engine.compilationConfig", config, path)
    if switch is None or switch.value is not True:
        return []
    return [switch] if server.engine.tensor_parallel_size > 1 else []


def _flag(server: ModelServer, flag: str) -> Setting:
    key = extra_argument_key(server, flag)
    return Setting(server.further(flag), key, extra_argument_mark(server, flag))


@cache
def _second_runner_lacks() -> Mapping[str, Mapping[str, Any]]:
    """Settings that the second runner of a release does not have; a release that is missing is not judged."""
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    lacks: Mapping[str, Mapping[str, Any]] = document["second_runner_lacks"]
    return lacks
