"""A group: one server over several pods, each on a separate node."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field

from models.record import Record

LaunchForm = Literal["dataParallel", "nnodes"]
"""How the engine is spread over the pods: whole copies of it, or the parts of one."""


class Group(Record):
    """How the pods of a server with `nodes` above 1 start together. All keys have defaults."""

    launch: LaunchForm | None = None
    """`dataParallel`: each pod runs whole copies of the engine (`--data-parallel-size-local`, `--headless`). `nnodes`:
    the pods run one copy together (`--nnodes`, `--node-rank`). Default: `dataParallel` if there are several copies."""

    port: int | None = Field(default=None, ge=1024, le=65535, examples=[29550])
    """Port of the leader where its workers find it. Default: 29550 for `dataParallel`, 29501 for `nnodes`."""

    member_port: int | None = Field(default=None, ge=1024, le=65535, examples=[29600])
    """Port of the leader where its workers report whether their servers run. Default: 29600."""

    hccl_port: int | None = Field(default=None, ge=1024, le=65504, examples=[60000])
    """First of the 16 ports of HCCL on the host network (`HCCL_IF_BASE_PORT`). Default: 60000, that of HCCL."""


class ResolvedGroup(Group):
    """How the pods of a group start together, with all defaults set."""

    launch: LaunchForm
    port: int
    member_port: int
    hccl_port: int


VARIABLES_OF_GROUPS = {
    "HCCL_IF_IP": "nodes",
    "VLLM_HOST_IP": "nodes",
    "HCCL_SOCKET_IFNAME": "cluster.interface",
    "GLOO_SOCKET_IFNAME": "cluster.interface",
    "TP_SOCKET_IFNAME": "cluster.interface",
    "HCCL_IF_BASE_PORT": "group.hcclPort",
    "LWS_LEADER_ADDRESS": "nodes",
    "LWS_GROUP_SIZE": "nodes",
    "LWS_WORKER_INDEX": "nodes",
    "VLLM_DP_SIZE": "engine.dataParallelSize",
    "VLLM_DP_RANK": "nodes",
    "VLLM_DP_RANK_LOCAL": "nodes",
    "VLLM_DP_MASTER_IP": "nodes",
    "VLLM_DP_MASTER_PORT": "group.port",
}
"""Variables that the pods of a group have or that would contradict their flags, with the key that each follows from."""

HCCL_PORTS = 16
"""Ports of HCCL from `HCCL_IF_BASE_PORT` on (CANN, HCCL_IF_BASE_PORT)."""


class MemberValue(StrEnum):
    """A value that only a pod of the group knows, as bash reads it."""

    LEADER_ADDRESS = "$LWS_LEADER_ADDRESS"
    """Name of the leader in the cluster's DNS."""
    OWN_ADDRESS = "$HCCL_IF_IP"
    """Address of the pod itself."""
    RANK = "LWS_WORKER_INDEX"
    """0 for the leader, from 1 for workers."""
    SIZE = "$LWS_GROUP_SIZE"
    """Pods of the group."""


@dataclass(frozen=True)
class Member:
    """A pod of a group."""

    rank: int
    size: int
    leader_address: str
    """Name of the leader in the cluster's DNS."""


@dataclass(frozen=True)
class MemberFlag:
    """A flag that only some pods of a group have, or whose value differs between them."""

    option: str
    """The flag on the command line: `--node-rank`."""
    value: str | MemberValue = ""
    """Its value; empty if it has none."""
    step: int = 1
    """Factor of a rank: the copies of the engine in each pod."""

    @property
    def shell(self) -> str:
        """The flag as a word of bash."""
        if self.value == "":
            return self.option
        if self.value is MemberValue.RANK:
            return f'{self.option}="$(({_rank(self.step)}))"'
        if isinstance(self.value, MemberValue):
            return f'{self.option}="{self.value}"'
        return f"{self.option}={shlex.quote(self.value)}"

    def of(self, member: Member) -> MemberFlag:
        """The flag with the values of a pod. Its own address is not known before it runs."""
        if self.value is MemberValue.OWN_ADDRESS or not self.value:
            return self
        word = self.word(member, "")
        return MemberFlag(self.option, word.removeprefix(f"{self.option}="))

    def word(self, member: Member, own_address: str) -> str:
        """The flag as a pod of the group gets it.

        Args:
            member: The pod.
            own_address: Its address.
        """
        if self.value == "":
            return self.option
        if not isinstance(self.value, MemberValue):
            return f"{self.option}={self.value}"
        values = {
            MemberValue.LEADER_ADDRESS: member.leader_address,
            MemberValue.OWN_ADDRESS: own_address,
            MemberValue.RANK: str(member.rank * self.step),
            MemberValue.SIZE: str(member.size),
        }
        return f"{self.option}={values[self.value]}"


@dataclass(frozen=True)
class MemberFlags:
    """The flags of a group's pods that differ between the leader and its workers."""

    leader: tuple[MemberFlag, ...]
    worker: tuple[MemberFlag, ...]

    def of(self, member: Member) -> tuple[MemberFlag, ...]:
        """The flags of a pod."""
        return self.worker if member.rank else self.leader


def _rank(step: int) -> str:
    if step == 1:
        return MemberValue.RANK
    return f"{MemberValue.RANK} * {step}"
