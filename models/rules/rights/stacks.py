"""Rules on rights that a key of the cluster gives to the pods of all services."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, Mark, warning
from models.rules.registry import stack_right_rule
from models.service.resolved import ResolvedStack
from models.words import listed


@stack_right_rule("cluster.seccomp")
def cluster_seccomp(stack: ResolvedStack) -> Iterator[Finding]:
    """The pods have the seccomp profile of their container runtime.

    With `cluster.seccomp: Unconfined`, the containers of all services may use all system calls of the kernel. Pod
    Security `baseline` forbids it (Seccomp). Only container runtimes older than autumn 2021 need it.
    """
    if stack.cluster.seccomp == "Unconfined":
        yield warning(
            "the pods of all services may use all system calls of the kernel",
            why="Pod Security baseline forbids the seccomp profile Unconfined (Seccomp)",
            fix="remove cluster.seccomp, or write ascend-vllm:accept: {cluster-seccomp: 'the reason'} under config",
            marks=[Mark(("cluster", "seccomp"))],
        )


@stack_right_rule("cluster.hostNetwork")
def cluster_host_network(stack: ResolvedStack) -> Iterator[Finding]:
    """The pods of groups have their own network.

    With `cluster.hostNetwork`, they have the network of their node, as RoCE without a device plugin for networks needs:
    they reach all that the node reaches, and no NetworkPolicy applies to them. Pod Security `baseline` forbids it (Host
    Namespaces). Other pods keep their own network.
    """
    groups = [service.name for service in stack.services if service.group]
    if stack.cluster.host_network and groups:
        yield warning(
            f"the pods of {listed(groups)} have the network of their node",
            why="no NetworkPolicy applies to them; Pod Security baseline forbids it (Host Namespaces)",
            fix="remove cluster.hostNetwork, or write ascend-vllm:accept: {cluster-host-network: 'the reason'} under"
            " config",
            marks=[Mark(("cluster", "hostNetwork"))],
        )
