"""Checks of the settings that move weights to the memory of the host."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem

_BACKEND = "offload-backend"
_LAYERS = "offload-num-in-group"
_GROUP = "offload-group-size"
_STEP = "offload-prefetch-step"


def offloaded_layers(server: ModelServer) -> Iterator[Problem]:
    """A group has at least as many layers as it offloads, if the weights are fetched in advance."""
    group = server.further(_GROUP) or 0
    layers = server.further(_LAYERS) or 1
    if type(group) is not int or type(layers) is not int or layers <= group:
        return
    prefetches = server.further(_BACKEND) == "prefetch"
    if group == 0 and not prefetches:
        return
    message = f"--{_LAYERS} {layers} exceeds --{_GROUP} {group}"
    flag = _BACKEND if group == 0 else _LAYERS
    yield Problem(
        refusal="offloaded-layers",
        message=message,
        fix=f"remove {extra_argument_key(server, flag)}",
        marks=[extra_argument_mark(server, flag)],
    )


def prefetch_step(server: ModelServer) -> Iterator[Problem]:
    """Weights that are fetched in advance are fetched at least one layer ahead."""
    if server.further(_STEP) != 0:
        return
    if server.further(_BACKEND) != "prefetch" and not server.further(_GROUP):
        return
    yield Problem(
        "prefetch-step",
        f"--{_STEP} 0 is below 1, and layers are fetched in advance",
        f"remove {extra_argument_key(server, _STEP)}",
        [extra_argument_mark(server, _STEP)],
    )
