"""Rules on rights that a key of the cluster gives to the pods of all services."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, Mark, warning
from models.rules.registry import stack_right_rule
from models.service.resolved import ResolvedStack


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
