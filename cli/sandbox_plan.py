"""The sandbox that a stack describes by its context and its pools."""

from __future__ import annotations

from dataclasses import replace

from cli.errors import CommandError
from cli.inputs.stacks import has_cluster_errors, open_stack
from models.service.resolved import Cluster
from sandbox.plan import CONTEXT_PREFIX, Node, Plan


def sandbox_plan(stack: str, *, real: bool = False) -> Plan:
    """The sandbox of a stack. With `real`, its first node is a real one.

    It has the LeaderWorkerSet controller if a service of the stack has several nodes.

    Raises:
        CommandError: The stack's context is not that of a sandbox, or its section `cluster` has errors.
    """
    resolved = open_stack(stack)
    cluster = resolved.cluster
    if has_cluster_errors(resolved):
        raise CommandError(
            f"the section cluster of stack {stack} has errors",
            f"see ascend-vllm check {stack}",
        )
    if not cluster.context.startswith(CONTEXT_PREFIX):
        raise CommandError(
            f"stack {stack} belongs to the cluster {cluster.context!r}, which is not a sandbox",
            f"name a stack whose context begins with {CONTEXT_PREFIX}",
        )
    if not cluster.pools:
        raise CommandError(
            f"stack {stack} has no pools",
            "list the nodes of the sandbox under cluster.pools",
        )
    nodes = _nodes(cluster)
    if real:
        nodes[0] = replace(nodes[0], real=True)
    return Plan(
        cluster.context.removeprefix(CONTEXT_PREFIX),
        tuple(nodes),
        groups=any(service.nodes > 1 for service in resolved.services),
    )


def _nodes(cluster: Cluster) -> list[Node]:
    platform = cluster.platform
    nodes = []
    for name, pool in cluster.pools.items():
        for number in range(1, pool.nodes + 1):
            node = Node(
                name=f"{name}-{number}",
                labels=platform.node_selector,
                resource=platform.resource,
                npus=pool.npus_per_node,
            )
            nodes.append(node)
    return nodes
