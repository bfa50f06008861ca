"""The plan of a sandbox: its name and its Ascend nodes. All nodes are simulated, except for one at most."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.errors import WRONG_USAGE, SandboxError

NODE_ANNOTATION = "ascend-vllm/sandbox-node"
"""Contains the planned node, so that a later plan can find out whether it has changed."""

SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of the nodes that kwok simulates; its value is `fake`."""

CONTEXT_PREFIX = "kwok-"
"""Beginning of the kubeconfig contexts of sandboxes, which kwok sets."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Node:
    """A node with `npus` NPUs of the extended resource `resource`, which pods find by its `labels`."""

    name: str
    labels: Mapping[str, str]
    resource: str
    npus: int
    real: bool = False
    """Whether a kubelet on this machine runs its pods; otherwise the node is simulated."""


@dataclass(frozen=True)
class Plan:
    """A sandbox by name, with the nodes it should have, and with the controller of groups over several nodes.

    Raises SandboxError (wrong usage) for a name that cannot be a context, or two nodes of one name, or two real ones.
    """

    name: str
    nodes: tuple[Node, ...]
    groups: bool = False
    """Whether the LeaderWorkerSet controller runs, for services over several nodes."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if len({node.name for node in self.nodes}) < len(self.nodes):
            raise SandboxError(
                f"sandbox {self.name}: two nodes have the same name",
                "rename a pool",
                WRONG_USAGE,
            )
        if sum(node.real for node in self.nodes) > 1:
            raise SandboxError(
                f"sandbox {self.name}: only one node can be real, but the plan has two",
                "request one real node",
                WRONG_USAGE,
            )

    @property
    def real(self) -> Node | None:
        """The node that is not simulated, if there is one."""
        return next((node for node in self.nodes if node.real), None)

    @property
    def context(self) -> str:
        """The kubeconfig context of the sandbox, `kwok-<name>`."""
        return f"{CONTEXT_PREFIX}{self.name}"


@dataclass(frozen=True)
class Changes:
    """The changes that bring the nodes of a cluster to a plan; a changed node is removed and added."""

    remove: tuple[str, ...]
    add: tuple[Node, ...]

    def __bool__(self) -> bool:
        return bool(self.remove or self.add)


def check_name(name: str) -> None:
    """Raise SandboxError (wrong usage) unless `name` can name a sandbox: 1 to 40 of a-z, 0-9 and inner dashes."""
    if not _NAME.fullmatch(name):
        raise SandboxError(
            f"{name!r} is not a valid name of a sandbox",
            fix="use 1 to 40 characters of a-z, 0-9 and - (not first or last)",
            exit_code=WRONG_USAGE,
        )


def fingerprint(node: Node) -> str:
    """The node as one line of JSON, equal exactly when two nodes are the same."""
    fields: dict[str, object] = {
        "labels": dict(node.labels),
        "resource": node.resource,
        "npus": node.npus,
    }
    if node.real:
        fields["real"] = True
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def changes(present: Mapping[str, str], wanted: tuple[Node, ...]) -> Changes:
    """Compare the nodes of the cluster with those of a plan.

    Args:
        present: The fingerprints of the cluster's nodes by name.
        wanted: The nodes of the plan.
    """
    planned = {node.name: fingerprint(node) for node in wanted}
    outdated = [
        name for name, current in present.items() if planned.get(name) != current
    ]
    missing = [node for node in wanted if present.get(node.name) != planned[node.name]]
    return Changes(
        remove=tuple(sorted(outdated)),
        add=tuple(missing),
    )


def asked_for(node: Node) -> dict[str, str]:
    """The annotation with which a later plan recognises the planned node."""
    return {NODE_ANNOTATION: fingerprint(node)}


def manifest(node: Node) -> dict[str, object]:
    """The Kubernetes object of a simulated node. It is so large that pods only compete for its NPUs."""
    capacity = {
        "cpu": "192",
        "memory": "1536Gi",
        "ephemeral-storage": "4Ti",
        "pods": "256",
        node.resource: str(node.npus),
    }
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "type": "kwok",
        **node.labels,
    }
    annotations = {SIMULATED: "fake", **asked_for(node)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": annotations},
        "status": {"capacity": capacity, "allocatable": capacity},
    }
