"""Finds containers that start a part of one server over several pods, which is no service of this program."""

from __future__ import annotations

from typing import Any

from convert.command_line import read_flags
from convert.pods import Pod

_FLAGS_OF_A_PART = (
    "headless",
    "node-rank",
    "data-parallel-start-rank",
    "data-parallel-rank",
)
"""Flags that only a part of a server over several pods has."""


def part_of_several_pods(pod: Pod) -> str:
    """Why a container is only a part of a server; empty if it is a whole one."""
    start = pod.start
    values = read_flags(
        start.arguments,
        start.kind,
        start.file,
        pod.engine.release,
    ).values
    signs = [f"--{flag}" for flag in _FLAGS_OF_A_PART if _is_set(values.get(flag))]
    nodes = _number(values.get("nnodes"))
    if nodes > 1:
        signs.append(f"--nnodes {nodes}")
    size = _number(values.get("data-parallel-size"))
    local = _number(values.get("data-parallel-size-local"))
    if 0 < local < size:
        signs.append(f"--data-parallel-size {size} with {local} here")
    if start.ray and _needed_npus(values) > _npus(pod) > 0:
        signs.append(
            f"ray start, and {_needed_npus(values)} NPUs over pods of {_npus(pod)}"
        )
    if not signs:
        return ""
    return (
        f"it is a part of one server over several pods ({', '.join(signs)}), "
        "and a service of this program is one pod"
    )


def _is_set(value: Any) -> bool:
    return value is not None and value is not False


def _number(value: Any) -> int:
    """A whole number; 0 if the value is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return 0


def _needed_npus(values: dict[str, Any]) -> int:
    npus = 1
    for way in ("tensor", "pipeline", "data"):
        npus *= _number(values.get(f"{way}-parallel-size")) or 1
    return npus


def _npus(pod: Pod) -> int:
    amount = pod.limits.at(pod.npu).text() or pod.requests.at(pod.npu).text()
    if pod.npu and amount.isdecimal():
        return int(amount)
    return 0
