"""The rule on the limits of single keys of `engine.additionalConfig`."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import LaunchSettings, Setting
from models.engines.vllm_ascend.refusals import Problem, refused
from models.finding import Finding, at

_PROFILING = "profiling_chunk_config"
_SAMPLER = "rejection_sampler_config"


@rule("error")
def setting_limit(server: ModelServer) -> Iterator[Finding]:
    """Keys of `additionalConfig` are within the limits of the plugin, and have the keys that they need.

    vllm-ascend exits at start with other values (vllm_ascend/ascend_config.py).
    """
    yield from refused(
        server, _dump, _sparse_attention, _profiling, _profiling_needs, _sampler
    )


def _dump(settings: LaunchSettings) -> Iterator[Problem]:
    path = settings.key("dump_config_path")
    config = settings.key("dump_config")
    if path is None or config is None:
        return
    if path.value is not None and config.value is not None:
        yield Problem(
            "dump-config-twice",
            f"{path.name} and {config.name} exclude each other",
            f"{config.removal}, or {path.removal}",
            [config.mark, path.mark],
        )


def _sparse_attention(settings: LaunchSettings) -> Iterator[Problem]:
    config = settings.key("hamming_sparse")
    if config is None or not isinstance(config.value, dict):
        return
    for name in ("enabled", "sparse_json_location"):
        if settings.key("hamming_sparse", name) is None:
            yield Problem(
                "hamming-sparse-keys",
                f"{config.name} has no key {name}",
                config.removal,
                [config.mark],
            )


def _profiling(settings: LaunchSettings) -> Iterator[Problem]:
    limits = {
        "smooth_factor": ("profiling-chunk-smooth", "above 0 and at most 1"),
        "min_chunk": ("profiling-chunk-min", "at least 1"),
        "max_fit_chunk": ("profiling-chunk-max-fit", "at least 6"),
    }
    for name, (refusal, words) in limits.items():
        key = settings.key(_PROFILING, name)
        if key and _is_number(key) and not _is_within(name, key.number):
            yield _outside(refusal, key, words)


def _is_number(key: Setting) -> bool:
    return isinstance(key.value, int | float) and not isinstance(key.value, bool)


def _is_within(name: str, number: float) -> bool:
    if name in ("smooth_factor", "posterior_threshold"):
        return 0 < number <= 1
    least = {"min_chunk": 1, "max_fit_chunk": 6, "posterior_alpha": 0}
    return number >= least[name]


def _outside(refusal: str, key: Setting, words: str) -> Problem:
    message = f"{key.name} is {key.value}; it must be {words}"
    return Problem(refusal, message, key.removal, [key.mark])


def _profiling_needs(settings: LaunchSettings) -> Iterator[Problem]:
    enabled = settings.key(_PROFILING, "enabled")
    if enabled is None or not enabled.value:
        return
    stages = settings.server.engine.pipeline_parallel_size
    if stages == 1:
        yield Problem(
            "profiling-chunk-pipeline",
            f"{enabled.name} needs pipeline parallelism",
            enabled.removal,
            [enabled.mark, at("engine.pipelineParallelSize", "one stage")],
        )
    balance = settings.key_or_variable(
        "enable_balance_scheduling", "VLLM_ASCEND_BALANCE_SCHEDULING"
    )
    if balance and balance.value:
        yield Problem(
            "profiling-chunk-balance-scheduling",
            f"{enabled.name} and {balance.name} exclude each other",
            f"{enabled.removal}, or {balance.removal}",
            [enabled.mark, balance.mark],
        )


def _sampler(settings: LaunchSettings) -> Iterator[Problem]:
    limits = {
        "posterior_alpha": ("rejection-sampler-alpha", "at least 0"),
        "posterior_threshold": ("rejection-sampler-threshold", "above 0 and at most 1"),
    }
    for name, (refusal, words) in limits.items():
        key = settings.key(_SAMPLER, name)
        if key and _is_number(key) and not _is_within(name, key.number):
            yield _outside(refusal, key, words)
