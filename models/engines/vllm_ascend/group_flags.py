"""The flags by which the pods of one server find each other, in the two forms that vLLM documents.

Only `vllm serve` acts on `--headless`; the module form would start a second API server
(vllm/entrypoints/cli/serve.py:61 of 0.23.0). `--data-parallel-start-rank` of the leader is left out: with it, vLLM
expects load balancing by others (vllm/entrypoints/cli/serve.py:85 of 0.23.0). The leader binds sockets to the address
that it is given, so it gets its own, and not its name (vllm/distributed/device_communicators/shm_broadcast.py:434).
"""

from __future__ import annotations

from models.engines.flags import flag_words
from models.engines.group import MemberFlag, MemberFlags, MemberValue, ResolvedGroup
from models.engines.model_server import ModelServer

LEADER_ONLY = ("api-server-count",)
"""Flags that end the start of a worker, which has no API server (vllm/entrypoints/cli/serve.py:62 of 0.23.0)."""

FLAGS_OF_GROUPS = (
    "headless",
    "nnodes",
    "node-rank",
    "master-addr",
    "master-port",
    "data-parallel-size-local",
    "data-parallel-start-rank",
    "data-parallel-address",
    "data-parallel-rpc-port",
    "data-parallel-rank",
    "data-parallel-hybrid-lb",
    "data-parallel-external-lb",
    "data-parallel-multi-port-external-lb",
    "data-parallel-supervisor-port",
)
"""Flags that follow from `nodes`."""

_HEADLESS = MemberFlag("--headless")


def member_flags(server: ModelServer, group: ResolvedGroup) -> MemberFlags:
    """The flags of the leader and of its workers, besides those of every pod."""
    if group.launch == "dataParallel":
        flags = _data_parallel(server, group)
    else:
        flags = _one_copy(group)
    return MemberFlags((*flags.leader, *_leader_only(server)), flags.worker)


def _data_parallel(server: ModelServer, group: ResolvedGroup) -> MemberFlags:
    shared = (
        MemberFlag("--data-parallel-size-local", str(server.local_copies)),
        MemberFlag("--data-parallel-rpc-port", str(group.port)),
    )
    address = "--data-parallel-address"
    rank = MemberFlag(
        "--data-parallel-start-rank", MemberValue.RANK, step=server.local_copies
    )
    return MemberFlags(
        leader=(*shared, MemberFlag(address, MemberValue.OWN_ADDRESS)),
        worker=(
            *shared,
            MemberFlag(address, MemberValue.LEADER_ADDRESS),
            rank,
            _HEADLESS,
        ),
    )


def _one_copy(group: ResolvedGroup) -> MemberFlags:
    shared = (
        MemberFlag("--nnodes", MemberValue.SIZE),
        MemberFlag("--node-rank", MemberValue.RANK),
        MemberFlag("--master-port", str(group.port)),
    )
    address = "--master-addr"
    return MemberFlags(
        leader=(*shared, MemberFlag(address, MemberValue.OWN_ADDRESS)),
        worker=(*shared, MemberFlag(address, MemberValue.LEADER_ADDRESS), _HEADLESS),
    )


def _leader_only(server: ModelServer) -> list[MemberFlag]:
    """The flags under `extraArgs` that a worker must not have."""
    found: list[MemberFlag] = []
    for name in LEADER_ONLY:
        value = server.further(name)
        if value is None:
            continue
        words = flag_words(server.release.flags[name], value)
        found += [MemberFlag(word) for word in words]
    return found
