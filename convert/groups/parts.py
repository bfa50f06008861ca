"""Reads which part of a server over several pods a container starts: its leader, or one of its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convert.pods import Pod
from convert.server.command_line import read_flags
from convert.workloads import group_size
from models.engines.release import Release

_SIZES = ("tensor", "pipeline", "data")
_BALANCED_BY_OTHERS = (
    "data-parallel-rank",
    "data-parallel-external-lb",
    "data-parallel-hybrid-lb",
)
"""Flags with which each pod runs its own API server."""
_SHARED = (
    "tensor-parallel-size",
    "pipeline-parallel-size",
    "data-parallel-size",
    "nnodes",
    "master-port",
    "data-parallel-rpc-port",
)
"""Flags that have the same value in all pods of a server."""


@dataclass(frozen=True)
class Part:
    """A container that starts a part of a server."""

    pod: Pod
    values: Mapping[str, Any]
    """The values of its flags."""
    is_worker: bool
    nodes: int
    """The number of pods of the server; 0 if the command does not say it."""
    sign: str
    """How its command shows that it is a part."""
    refusal: str = ""
    """Why no service of this program runs such a server; empty if one does."""

    @property
    def port(self) -> int | None:
        """The port on which the leader waits for its workers; None if the command does not name it."""
        for flag in ("data-parallel-rpc-port", "master-port"):
            port = self.values.get(flag)
            if isinstance(port, int):
                return port
        return None

    def belongs_to(self, leader: Part) -> bool:
        """Whether the sizes and the ports of the parts of a server are equal."""
        return all(self.values.get(flag) == leader.values.get(flag) for flag in _SHARED)


def part_of(pod: Pod) -> Part | None:
    """The part of a server over several pods that a container starts; None if it starts a whole one."""
    release = pod.engine.release
    start = pod.start
    flags = read_flags(start.arguments, start.kind, start.file, release)
    values = flags.values
    sign = _sign(pod, values)
    if not sign:
        return None
    return Part(
        pod=pod,
        values=values,
        is_worker=_is_worker(pod, values),
        nodes=_nodes(pod, values),
        sign=sign,
        refusal=_refusal(values, release),
    )


def _sign(pod: Pod, values: Mapping[str, Any]) -> str:
    """How a command shows that it is a part of a server; empty if it does not."""
    for flag in ("headless", *_BALANCED_BY_OTHERS):
        if is_set(values.get(flag)):
            return f"--{flag}"
    for flag in ("node-rank", "data-parallel-start-rank"):
        if _number(values.get(flag)) > 0:
            return f"--{flag} {values[flag]}"
    nodes = values.get("nnodes")
    if isinstance(nodes, str) or _number(nodes) > 1:
        return f"--nnodes {nodes}"
    copies = _number(values.get("data-parallel-size"))
    local = values.get("data-parallel-size-local")
    if isinstance(local, int) and local < copies:
        return f"--data-parallel-size {copies} with {local} here"
    return _sign_of_ray(pod, values)


def _sign_of_ray(pod: Pod, values: Mapping[str, Any]) -> str:
    """How a command shows that Ray runs its engine on more pods than its own; empty if it does not."""
    needed = needed_npus(values)
    npus = npus_of(pod)
    in_group = pod.rank is not None
    if npus == 0 and in_group and pod.start.notes_of_ray:
        return f"{needed} NPUs over the pods of its group, connected by Ray"
    if needed > npus > 0 and (in_group or pod.start.notes_of_ray):
        return f"{needed} NPUs over pods of {npus}"
    return ""


def _is_worker(pod: Pod, values: Mapping[str, Any]) -> bool:
    if values.get("headless") or pod.rank:
        return True
    ranks = (values.get("node-rank"), values.get("data-parallel-start-rank"))
    return any(_number(rank) > 0 for rank in ranks)


def _nodes(pod: Pod, values: Mapping[str, Any]) -> int:
    size = group_size(pod.owner)
    if size > 1:
        return size
    nodes = _number(values.get("nnodes"))
    if nodes > 1:
        return nodes
    copies = _number(values.get("data-parallel-size"))
    local = _number(values.get("data-parallel-size-local"))
    if 0 < local < copies:
        return _quotient(copies, local)
    if pod.rank is not None and isinstance(pod.replicas, int):
        return pod.replicas
    npus = npus_of(pod)
    return _quotient(needed_npus(values), npus) if npus else 0


def _quotient(whole: int, part: int) -> int:
    """How often a part fits into a whole; 0 if something remains."""
    if whole % part:
        return 0
    return whole // part


def _refusal(values: Mapping[str, Any], release: Release) -> str:
    if not release.flags_of_groups:
        return f"vLLM {release.version} has no launch over several pods: images of vllm-ascend from 0.18.0 have one"
    for flag in _BALANCED_BY_OTHERS:
        if is_set(values.get(flag)):
            return f"with --{flag}, each pod runs its own API server, and something else distributes the requests"
    if values.get("data-parallel-size-local") == 0:
        return "its leader runs no engine (--data-parallel-size-local 0), and here each pod of a group runs one"
    return ""


def is_set(value: Any) -> bool:
    """Whether a command has a flag. 0 is a value."""
    return value is not None and value is not False


def _number(value: Any) -> int:
    """A whole number; 0 if the value is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return 0


def needed_npus(values: Mapping[str, Any]) -> int:
    """The NPUs of all parts of a server."""
    npus = 1
    for way in _SIZES:
        npus *= _number(values.get(f"{way}-parallel-size")) or 1
    return npus


def npus_of(pod: Pod) -> int:
    """The NPUs of a pod; 0 if it names no number."""
    amount = pod.limits.at(pod.npu).text() or pod.requests.at(pod.npu).text()
    if pod.npu and amount.isdecimal():
        return int(amount)
    return 0
