"""Checks of the flags for Mamba layers; the rule on arguments of the engine applies them."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.finding import at


def block_size_of_mamba(server: ModelServer) -> Iterator[Problem]:
    """The blocks of Mamba layers belong to the prefix cache. vLLM checks it for every model."""
    flag = "mamba-block-size"
    size = server.further(flag)
    if type(size) is not int or size == server.engine.max_model_len:
        return
    if server.prefix_caching:
        return
    yield Problem(
        flag,
        f"--{flag} {size} needs the prefix cache, and prefixCaching is false",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag), at("prefixCaching")],
    )


def rounding_of_mamba(server: ModelServer) -> Iterator[Problem]:
    """Stochastic rounding is for a cache of float16."""
    flag = "enable-mamba-cache-stochastic-rounding"
    dtype = server.further("mamba-ssm-cache-dtype") or "auto"
    if server.further(flag) is not True or dtype == "float16":
        return
    key = extra_argument_key(server, flag)
    yield Problem(
        "mamba-rounding",
        f"--{flag} needs --mamba-ssm-cache-dtype float16, not {dtype}",
        f"remove {key}",
        [extra_argument_mark(server, flag)],
    )


def algorithm_of_mamba(server: ModelServer) -> Iterator[Problem]:
    """Only one backend has several algorithms."""
    flag = "mamba-ssu-algorithm"
    algorithm = server.further(flag)
    backend = server.further("mamba-backend") or "triton"
    if algorithm in (None, "", "None") or str(backend).lower() == "flashinfer":
        return
    yield Problem(
        flag,
        f"--{flag} {algorithm} needs --mamba-backend flashinfer, not {backend}",
        f"remove {extra_argument_key(server, flag)}",
        [extra_argument_mark(server, flag)],
    )
