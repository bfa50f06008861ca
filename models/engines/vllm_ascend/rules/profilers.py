"""Checks of the fields of `--profiler-config`; the rule on JSON flags applies them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.tables import flag_table

_FLAG = "profiler-config"
_PROTON = "proton_"
"""How the fields of the profiler for CUDA begin."""


def profiler(server: ModelServer) -> Iterator[Problem]:
    """The profiler of PyTorch and its directory belong together."""
    config = _config(server)
    key = extra_argument_key(server, _FLAG)
    mark = extra_argument_mark(server, _FLAG)
    is_torch = config.get("profiler") == "torch"
    directory = config.get("torch_profiler_dir")
    if is_torch and not directory:
        yield Problem(
            "profiler-directory",
            f"the profiler torch of --{_FLAG} has no torch_profiler_dir",
            f"write {key}.torch_profiler_dir: /tmp/profiles, or remove {key}",
            [mark],
        )
    elif directory and not is_torch:
        yield Problem(
            "profiler-without-torch",
            f"torch_profiler_dir of --{_FLAG} needs the profiler torch",
            f"write {key}.profiler: torch, or remove {key}",
            [mark],
        )


def cuda_profiler(server: ModelServer) -> Iterator[Problem]:
    """The profiler proton runs on CUDA only, and its fields need it."""
    config = _config(server)
    key = extra_argument_key(server, _FLAG)
    mark = extra_argument_mark(server, _FLAG)
    if config.get("profiler") == "proton":
        refusal = "profiler-proton"
        if not config.get("proton_profiler_dir"):
            refusal = "profiler-proton-directory"
        because = "runs on CUDA only, not on NPUs"
        yield Problem(
            refusal,
            f"the profiler proton of --{_FLAG} {because}",
            f"remove {key}",
            [mark],
        )
        return
    fields = [name for name in config if _is_set_for_proton(server, name, config[name])]
    if fields:
        names = ", ".join(fields)
        because = "the profiler proton, which runs on CUDA only"
        yield Problem(
            "profiler-without-proton",
            f"--{_FLAG} has {names}, for {because}",
            " and ".join(f"remove {key}.{name}" for name in fields),
            [mark],
        )


def torch_capture(server: ModelServer) -> Iterator[Problem]:
    """Only the profiler of PyTorch records the capture of graphs."""
    config = _config(server)
    field = "capture_torch_profiler"
    if config.get(field) is not True or config.get("profiler") == "torch":
        return
    key = extra_argument_key(server, _FLAG)
    yield Problem(
        "profiler-capture",
        f"{field} of --{_FLAG} needs the profiler torch",
        f"write {key}.profiler: torch and write {key}.torch_profiler_dir: /tmp/profiles, or remove {key}.{field}",
        [extra_argument_mark(server, _FLAG)],
    )


def _is_set_for_proton(server: ModelServer, name: str, value: Any) -> bool:
    """Whether a field of the profiler proton has another value than its default."""
    if not name.startswith(_PROTON):
        return False
    known = flag_table(server.release.version).json_configs
    field = known.configs["ProfilerConfig"].fields.get(name)
    return field is not None and value != field.default


def _config(server: ModelServer) -> Mapping[str, Any]:
    value = server.further(_FLAG)
    return value if isinstance(value, dict) else {}
