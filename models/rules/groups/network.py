"""Rules on the network of servers over several nodes: interface, ports and policies."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

from models.engines.group import HCCL_PORTS, ResolvedGroup
from models.finding import Finding, Mark, at, error, no_effect
from models.rules.kv_transfer.pair import pair_of
from models.rules.registry import rule, stack_rule
from models.service.resolved import ResolvedService, ResolvedStack
from models.words import counted

_HIGHEST_PORT = 65535


@stack_rule("error")
def group_interface(stack: ResolvedStack) -> Iterator[Finding]:
    """The pods of a group connect over an interface that reaches other pods.

    HCCL and Gloo connect over the configured interface. A pod with its own network has eth0. With `hostNetwork`, the
    stack file names the interface: the interfaces of nodes have other names, and HCCL fails if it does not find the
    configured one.
    """
    cluster = stack.cluster
    groups = [service for service in stack.services if service.group]
    if not groups:
        return
    if _is_interface_refused(stack):
        return
    if not cluster.host_network or cluster.is_interface_set:
        return
    yield error(
        f"hostNetwork needs the interface of the nodes, and {groups[0].name} runs on {groups[0].nodes} of them",
        why="HCCL connects over HCCL_SOCKET_IFNAME, and fails if the node has no interface with this name"
        f" ({cluster.interface} is the interface of a pod)",
        fix="remove cluster.hostNetwork, or write cluster.interface: enp189s0f0",
        marks=[
            Mark(("cluster", "hostNetwork")),
            Mark(("services", groups[0].name, "nodes")),
        ],
    )


def _is_interface_refused(stack: ResolvedStack) -> bool:
    """Whether the stack file names an interface that cannot be one."""
    marks = [mark for finding in stack.findings for mark in finding.marks]
    return any(mark.path[:2] == ("cluster", "interface") for mark in marks)


@rule("error")
def group_ports(service: ResolvedService) -> Iterator[Finding]:
    """The programs of a group's pods listen on different ports.

    The leader listens on the port of the server, on that of vLLM's other pods, and on that of its workers' reports. On
    the host network, HCCL uses 16 more ports.
    """
    if service.group is None:
        return
    ranges = port_ranges(service, service.group)
    for (key, ports), (other, other_ports) in combinations(ranges.items(), 2):
        if not _overlap(ports, other_ports):
            continue
        yield error(
            f"{other} {_text(other_ports)} overlaps with {key} {_text(ports)}",
            why="both are ports of the leader, and only one program can listen on a port",
            fix=f"write {other}: {free_port(ranges.values(), len(other_ports))}",
            marks=[at(name) for name in _configured_first(service, other, key)],
        )


@stack_rule("error")
def host_ports(stack: ResolvedStack) -> Iterator[Finding]:
    """On the host network, groups of two services that can share a node use different ports.

    The scheduler keeps pods with the same ports off the same node, so the NPUs of that node stay idle. All pods of one
    service have the same ports, so each needs a separate node.
    """
    groups = [
        service
        for service in stack.services
        if service.group and stack.cluster.host_network and _shares_nodes(service)
    ]
    for service in groups:
        yield from _own_ports(service)
    of_router = _names_behind_a_router(stack)
    for first, second in combinations(groups, 2):
        router_edit = ""
        if {first.name, second.name} <= of_router:
            router_edit = "write kvTransfer.router: none and "
        yield from _same_ports(first, second, router_edit)


def _own_ports(service: ResolvedService) -> Iterator[Finding]:
    """More pods of a service than nodes."""
    pools = service.cluster.pools.values()
    nodes = sum(pool.nodes for pool in pools)
    pods = service.replicas * service.nodes
    if not pools or pods <= nodes:
        return
    fix = "remove cluster.hostNetwork"
    groups = nodes // service.nodes
    if groups:
        fix = f"write services.{service.name}.replicas: {groups}, or {fix}"
    yield error(
        f"{service.name} has {counted(pods, 'pod')} with the same ports, and the pools have {counted(nodes, 'node')}",
        why="the scheduler keeps pods with the same port of the node apart, so a group stays Pending",
        fix=fix,
        marks=[
            Mark(("cluster", "hostNetwork")),
            Mark(("services", service.name, "nodes"), counted(pods, "pod")),
        ],
    )


def _names_behind_a_router(stack: ResolvedStack) -> set[str]:
    """The two services that a router expects on the same port; empty without such a pair."""
    pair = pair_of(stack)
    if pair is None or pair.config.router == "none":
        return set()
    return {service.name for service in pair.services}


def _same_ports(
    first: ResolvedService, second: ResolvedService, router_edit: str
) -> Iterator[Finding]:
    """The ports that two groups share.

    Args:
        first: The group that keeps its ports.
        second: The other one.
        router_edit: What allows two servers of a pair to have different ports; empty if nothing forbids it.
    """
    if first.group is None or second.group is None:
        return
    ranges = port_ranges(first, first.group)
    other_ranges = port_ranges(second, second.group)
    used = [*ranges.values(), *other_ranges.values()]
    for key, ports in other_ranges.items():
        meeting = [name for name, other in ranges.items() if _overlap(ports, other)]
        if not meeting:
            continue
        free = free_port(used, len(ports))
        used.append(range(free, free + len(ports)))
        fix = f"write services.{second.name}.{key}: {free}"
        if key == "server.port":
            fix = router_edit + fix
        yield error(
            f"{second.name} and {first.name} share nodes, and both have the port {_text(ports)} ({key})",
            why="the scheduler keeps pods with the same port of the node apart, so NPUs of the node stay idle",
            fix=fix,
            marks=[
                Mark(("services", second.name, *key.split("."))),
                Mark(("services", first.name, *meeting[0].split("."))),
            ],
        )


@rule("no-effect")
def policy_on_host_network(service: ResolvedService) -> Iterator[Finding]:
    """`network` is not set for groups on the network of their nodes.

    NetworkPolicies do not apply to pods on the host network (Kubernetes, NetworkPolicy).
    """
    if (
        service.group is None
        or service.network is None
        or not service.cluster.host_network
    ):
        return
    yield no_effect(
        "network has no effect on pods that use the network of their node",
        why="NetworkPolicies are not defined for pods on the host network (Kubernetes, NetworkPolicy)",
        fix="remove network",
        marks=[at("network"), at("nodes")],
    )


def _configured_first(service: ResolvedService, *keys: str) -> list[str]:
    return sorted(keys, key=lambda key: key not in service.configured)


def _shares_nodes(service: ResolvedService) -> bool:
    """Whether pods of other services fit next to a pod of the service."""
    pools = service.cluster.pools.values()
    return not pools or any(pool.npus_per_node > service.npus for pool in pools)


def port_ranges(service: ResolvedService, group: ResolvedGroup) -> dict[str, range]:
    """The ports of a leader, by the keys that set them."""
    ranges = {
        "server.port": _single_port(service.server.port),
        "group.port": _single_port(group.port),
        "group.memberPort": _single_port(group.member_port),
    }
    if service.cluster.host_network:
        first = group.hccl_port
        ranges["group.hcclPort"] = range(first, first + HCCL_PORTS)
    return ranges


def _single_port(port: int) -> range:
    return range(port, port + 1)


def _overlap(first: range, second: range) -> bool:
    return first.start < second.stop and second.start < first.stop


def _text(ports: range) -> str:
    if len(ports) == 1:
        return str(ports.start)
    return f"{ports.start} to {ports.stop - 1}"


def free_port(used: Collection[range], length: int) -> int:
    """The first of so many free ports: above all used ports, or below them if there is no room above."""
    highest = max(ports.stop for ports in used)
    if highest + length <= _HIGHEST_PORT:
        return highest
    return min(ports.start for ports in used) - length
