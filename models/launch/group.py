"""The launch of the pods of a group: one script for all of them.

A pod learns its place from the variables that the LeaderWorkerSet's controller adds: `LWS_WORKER_INDEX`,
`LWS_LEADER_ADDRESS` and `LWS_GROUP_SIZE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.engines.group import Member, MemberFlag, MemberFlags, ResolvedGroup
from models.launch.scripts import MEMBER
from models.service.group import launch_form
from models.service.resolved import ResolvedService

GROUP_WHOLE = "/tmp/ascend-vllm-group-whole"  # noqa: S108  the container's own, gone with it
"""File of the leader that exists while all pods of the group are connected and answer."""

GROUP_ALIVE = "/tmp/ascend-vllm-group-alive"  # noqa: S108  the container's own, gone with it
"""File of each pod, to which the program that keeps the group together writes the time each second."""

GROUP_NOT_SERVING = "/tmp/ascend-vllm-group-not-serving"  # noqa: S108  the container's own, gone with it
"""File of the leader that exists while its server is not expected to answer."""

GROUP_LEADER = "/tmp/ascend-vllm-group-leader"  # noqa: S108  the container's own, gone with it
"""File of a worker that exists while the leader's container runs."""

_LARGE_BUFFER = "1024"
"""MiB of each buffer of HCCL with experts on many NPUs, as the recipes of vllm-ascend set it."""

_BUFFER = "200"
"""MiB of each buffer of HCCL; its own default (CANN, HCCL_BUFFSIZE)."""


def group_environment(service: ResolvedService, group: ResolvedGroup) -> dict[str, str]:
    """The variables of all pods of a group, in the order in which the script exports them."""
    interface = service.cluster.interface
    buffer = _LARGE_BUFFER if service.engine.enable_expert_parallel else _BUFFER
    variables = {
        "HCCL_SOCKET_IFNAME": interface,
        "GLOO_SOCKET_IFNAME": interface,
        "TP_SOCKET_IFNAME": interface,
        "HCCL_BUFFSIZE": buffer,
        "OMP_NUM_THREADS": "1",
    }
    if service.cluster.host_network:
        variables["HCCL_IF_BASE_PORT"] = str(group.hccl_port)
    return variables


def form_comment(service: ResolvedService, group: ResolvedGroup) -> str:
    """The form of the launch, with its reason."""
    reason = "set by group.launch"
    if "group.launch" not in service.configured:
        _, reason = launch_form(service.engine, service.npus)
    return f"{group.launch}: {reason}"


def member_lines(comment: str, flags: MemberFlags) -> str:
    """Lines of the script that choose the flags of the pod, as the array `member`."""
    return f"""\
# {comment}
if [[ $LWS_WORKER_INDEX == 0 ]]; then
  member=(
{_array_items(flags.leader)}  )
else
  member=(
{_array_items(flags.worker)}  )
fi
"""


def _array_items(flags: Iterable[MemberFlag]) -> str:
    return "".join(f"    {flag.shell}\n" for flag in flags)


def runner(
    service: ResolvedService, group: ResolvedGroup, directory: str
) -> tuple[str, ...]:
    """The words of bash before the command of the server: the program that keeps the group together.

    Args:
        service: The service.
        group: Its group.
        directory: Directory of the launch script.
    """
    options = [
        '--rank="$LWS_WORKER_INDEX"',
        '--size="$LWS_GROUP_SIZE"',
        '--leader="$LWS_LEADER_ADDRESS"',
        f"--port={group.member_port}",
        f"--health={service.server.port}",
        f"--startup={service.startup}",
    ]
    if service.tls:
        options.append("--tls")
    return ("python", f"{directory}/{MEMBER}", *options, "--")


def member_of(service: ResolvedService, rank: int) -> Member:
    """A pod of the first group."""
    name = service.workload
    namespace = service.cluster.namespace.name
    return Member(
        rank=rank,
        size=service.nodes,
        leader_address=f"{name}-0.{name}.{namespace}",
    )


def member_variables(member: Member) -> Mapping[str, str]:
    """The variables that the LeaderWorkerSet's controller adds to a pod."""
    return {
        "LWS_LEADER_ADDRESS": member.leader_address,
        "LWS_GROUP_SIZE": str(member.size),
        "LWS_WORKER_INDEX": str(member.rank),
    }
