"""Checks of `--device-ids`; the rule on arguments of the engine applies them."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.vllm_refusals import refused_flag
from models.words import counted

_FLAG = "device-ids"


def device_ids(server: ModelServer) -> Iterator[Problem]:
    """The devices are indices of `visibleDevices`, each of them once. NPUs have no other names.

    A text such as `-1` is not an index: vLLM reads only digits as a number.
    """
    text = server.further(_FLAG)
    if not isinstance(text, str | int) or isinstance(text, bool) or text == "":
        return
    devices = [part.strip() for part in str(text).split(",")]
    problem = _not_an_index(devices) or _twice(devices) or _too_large(server, devices)
    if problem:
        refusal, because = problem
        yield refused_flag(server, _FLAG, refusal, because)


def _not_an_index(devices: list[str]) -> tuple[str, str] | None:
    names = [device for device in devices if not device.isdigit()]
    if not names:
        return None
    because = f"contains {names[0]!r}, which is not the index of an NPU"
    is_mixed = len(names) < len(devices)
    return "device-ids-mixed" if is_mixed else "device-ids-names", because


def _twice(devices: list[str]) -> tuple[str, str] | None:
    indices = [int(device) for device in devices]
    if len({*indices}) == len(indices):
        return None
    return "device-ids-twice", f"{','.join(devices)} contains an NPU twice"


def _too_large(server: ModelServer, devices: list[str]) -> tuple[str, str] | None:
    visible = len(server.visible_devices)
    largest = max(int(device) for device in devices)
    if largest < visible:
        return None
    because = f"contains {largest}, and the pod has {counted(visible, 'NPU')}, from 0"
    return "device-ids-range", because
