"""Rules on servers over several nodes: their parallel sizes, launch and rollout."""

from __future__ import annotations

import math
from collections.abc import Iterator

from models.engines.edits import (
    extra_argument_key,
    extra_argument_mark,
    npus_edit,
)
from models.finding import Finding, at, error, no_effect, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.keys.operation import Recreate
from models.words import counted

_LONGEST_NAME = 52
"""Characters of a pod's name without its rank. The StatefulSet's hash is added to it in a label (lws 0.9.0)."""

_COPIES_BACKEND = "data-parallel-backend"

_GROUPS_OF_AUTOSCALER = 100
"""Groups that a name leaves room for if an autoscaler sets their number."""


@rule("error")
def group_sizes(service: ResolvedService) -> Iterator[Finding]:
    """The parallel sizes of a server can be divided over its nodes.

    Each node runs the same number of ranks. With data parallelism, each node runs whole copies of the engine; a copy
    that takes several nodes is started by `--nnodes`, and there is one such copy.
    """
    if service.group is None:
        return
    copies = service.engine.data_parallel_size
    copy = service.engine.npus_used // copies
    nodes = service.nodes
    nodes_text = f"{nodes} nodes"
    if copies > 1 and copy > service.npus:
        yield error(
            f"a copy of the engine takes {counted(copy, 'NPU')}, but each of the {nodes_text} has {service.npus}",
            why="vLLM runs several copies only if each is on one node, or one copy over all nodes"
            " (vllm/config/parallel.py, nnodes_within_dp)",
            fix="remove engine.dataParallelSize",
            marks=[at("engine.dataParallelSize", f"{copies} copies"), at("nodes")],
        )
    elif copies > 1 and copies % nodes:
        yield error(
            f"{copies} copies of the engine cannot be divided over {nodes_text}",
            why="each node runs the same number of copies (--data-parallel-size-local)",
            fix=f"write engine.dataParallelSize: {nodes * max(copies // nodes, 1)}",
            marks=[at("engine.dataParallelSize", f"{copies} copies"), at("nodes")],
        )
    elif copies == 1 and copy % nodes:
        yield error(
            f"{counted(copy, 'NPU')} of the engine cannot be divided over {nodes_text}",
            why="vLLM exits if the ranks cannot be divided by --nnodes (vllm/engine/arg_utils.py:1838)",
            fix=_nodes_edit(copy, service.npus),
            marks=[at("engine.tensorParallelSize", f"{copy} ranks"), at("nodes")],
        )


def _nodes_edit(ranks: int, npus: int) -> str:
    """The edit that writes the fewest nodes over which the ranks can be divided."""
    nodes = math.ceil(ranks / npus)
    while ranks % nodes:
        nodes += 1
    return f"write nodes: {nodes}"


@rule("error")
def group_launch(service: ResolvedService) -> Iterator[Finding]:
    """`group.launch` fits the number of copies of the engine.

    `dataParallel` starts whole copies of the engine on each node. `nnodes` starts one copy, with a part on each node.
    """
    group = service.group
    if group is None or "group.launch" not in service.configured:
        return
    copies = service.engine.data_parallel_size
    if (group.launch == "dataParallel") == (copies > 1):
        return
    yield error(
        f"group.launch {group.launch} does not fit dataParallelSize {copies}",
        why="dataParallel starts whole copies on each node, and nnodes one copy over all nodes"
        " (vllm/entrypoints/cli/serve.py)",
        fix="remove group.launch",
        marks=[at("group.launch"), at("engine.dataParallelSize")],
    )


@rule("error")
def flag_of_group(service: ResolvedService) -> Iterator[Finding]:
    """The flags by which the pods of a server find each other are not written by hand.

    They follow from `nodes` and differ between the pods. A flag under `extraArgs` would be the same in all of them.
    """
    if service.group is None:
        return
    for flag in service.release.flags_of_groups:
        if service.further(flag) is None:
            continue
        key = extra_argument_key(service, flag)
        yield error(
            f"--{flag} follows from nodes: {service.nodes}",
            why="each pod of the group needs another value, or only some of them need the flag",
            fix=f"remove {key}",
            marks=[extra_argument_mark(service, flag), at("nodes")],
        )


@rule("error")
def group_server(service: ResolvedService) -> Iterator[Finding]:
    """A server over several nodes is started by `vllm serve`, which drives its NPUs with Python processes.

    Only this command acts on `--headless`. `--nnodes` excludes Ray (vllm/config/parallel.py:903).
    """
    if service.group is None:
        return
    if service.server.kind == "api_server":
        yield error(
            f"the plain server runs on one node, not on {service.nodes}",
            why="only `vllm serve` starts pods without an API server (vllm/entrypoints/cli/serve.py:61)",
            fix="remove server.kind",
            marks=[at("server.kind"), at("nodes")],
        )
    if service.engine.distributed_executor_backend == "ray":
        yield error(
            f"Ray cannot drive a server over {service.nodes} nodes here",
            why="no pod of the group starts Ray, and --nnodes excludes it (vllm/config/parallel.py:903)",
            fix="remove engine.distributedExecutorBackend",
            marks=[at("engine.distributedExecutorBackend"), at("nodes")],
        )
    if service.further(_COPIES_BACKEND) == "ray":
        yield error(
            f"Ray cannot start the copies of the engine on {service.nodes} nodes here",
            why="no pod of the group starts Ray, and each pod starts its own copies (--data-parallel-size-local)",
            fix=f"remove {extra_argument_key(service, _COPIES_BACKEND)}",
            marks=[extra_argument_mark(service, _COPIES_BACKEND), at("nodes")],
        )


@rule("no-effect")
def group_of_one_node(service: ResolvedService) -> Iterator[Finding]:
    """`group` is set only for a server over several nodes.

    A server on one node is a single pod, which has no other pods to find.
    """
    if service.group is None and service.nodes == 1 and "group" in service.configured:
        if "group" in service.release.absent_keys:
            return
        yield no_effect(
            "group has no effect, because nodes is 1",
            why="a server on one node is a single pod, which has no other pods to find",
            fix="remove group",
            marks=[at("group")],
        )


@rule("error")
def group_name(service: ResolvedService) -> Iterator[Finding]:
    """The name of a service leaves room for the names of its groups' pods.

    Kubernetes writes the name of a StatefulSet and a hash into a label of 63 characters. If it is longer, no pod is
    created, and only an event of the StatefulSet reports it.
    """
    if service.group is None:
        return
    groups = service.replicas + service.surge
    if service.external:
        groups = _GROUPS_OF_AUTOSCALER
    highest = str(max(groups - 1, 0))
    length = len(service.workload) + 1 + len(highest)
    if length <= _LONGEST_NAME:
        return
    yield error(
        f"{service.workload}-{highest} has {length} characters, but {_LONGEST_NAME} are possible",
        why="a label of its pods holds the name and a hash, and has 63 characters: no worker is created (lws 0.9.0)",
        fix=f"rename services.{service.name} to {_shorter(service.name, length - _LONGEST_NAME)}",
        marks=[at("nodes")],
    )


def _shorter(name: str, by: int) -> str:
    return name[: len(name) - by].rstrip("-")


@rule("error")
def group_min_member(service: ResolvedService) -> Iterator[Finding]:
    """`minMember` is not set for a server over several nodes.

    The pods of a group always start together: its controller creates a PodGroup with the size of the group.
    """
    if service.group is None or service.min_member == 1:
        return
    yield error(
        f"minMember {service.min_member} does not apply to groups of {service.nodes} pods",
        why="the LeaderWorkerSet's controller creates a PodGroup for each group, with all its pods",
        fix="remove minMember",
        marks=[at("minMember"), at("nodes")],
    )


@rule("no-effect")
def group_priority(service: ResolvedService) -> Iterator[Finding]:
    """`priorityClass` is not set for a server over several nodes.

    Volcano orders groups by the priority of their PodGroups. The LeaderWorkerSet's controller does not pass the class
    of the pods on to them. Groups in a queue with a higher priority get free NPUs first.
    """
    if service.group is None or service.priority_class is None:
        return
    yield no_effect(
        f"priorityClass {service.priority_class} gives groups no NPUs before others",
        why="the LeaderWorkerSet's controller does not pass it on to the PodGroup (lws 0.9.0); a queue with a higher"
        " priority has this effect (cluster.queues)",
        fix="remove priorityClass",
        marks=[at("priorityClass"), at("nodes")],
    )


@rule("warning")
def group_on_one_node(service: ResolvedService) -> Iterator[Finding]:
    """A server over several nodes needs more NPUs than one node has.

    The scheduler counts NPUs, and puts several pods of a group on one node if they fit. Then they are one server on one
    node that communicates as if it had several.
    """
    total = service.npus_of_server
    pools = service.cluster.pools.values()
    largest = max((pool.npus_per_node for pool in pools), default=0)
    if service.group is None or total > largest:
        return
    if total not in service.cluster.platform.npu_counts:
        return
    edits = f"write nodes: 1 and {npus_edit(service, total)}"
    if "group" in service.configured:
        edits += " and remove group"
    yield warning(
        f"the {service.nodes} pods of a group need {total} NPUs, and one node has {largest}",
        why="they can all run on one node, where one pod with these NPUs starts faster and needs no network",
        fix=edits,
        marks=[at("nodes", f"{service.nodes} × {counted(service.npus, 'NPU')}")],
    )


@rule("error", "no-effect")
def group_rollout(service: ResolvedService) -> Iterator[Finding]:
    """The rollout of groups is one that their controller can do.

    It replaces one group at a time: Kubernetes ignores `maxUnavailable` above 1 for a StatefulSet, unless the alpha
    feature MaxUnavailableStatefulSet is on. It cannot delete all groups first.
    """
    if service.group is None:
        return
    rollout = service.rollout
    if isinstance(rollout, Recreate):
        yield error(
            "rollout recreate does not exist for groups",
            why="a LeaderWorkerSet replaces its groups one after the other (lws 0.9.0, rolloutStrategy)",
            fix="remove rollout",
            marks=[at("rollout"), at("nodes")],
        )
    elif rollout.max_unavailable > 1:
        yield no_effect(
            f"maxUnavailable {rollout.max_unavailable} has the effect of 1",
            why="Kubernetes replaces one pod of a StatefulSet at a time, unless the alpha feature"
            " MaxUnavailableStatefulSet is on",
            fix="write rollout.maxUnavailable: 1",
            marks=[at("rollout.maxUnavailable"), at("nodes")],
        )
