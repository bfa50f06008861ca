"""What a sandbox should look like: its name and its Ascend nodes, simulated but for one at most."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.errors import WRONG_USAGE, SandboxError

NODE_ANNOTATION = "ascend-vllm/sandbox-node"
"""Holds the node as it was asked for, so that a later plan can tell whether it still fits."""

SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of the nodes that kwok simulates; their value is `fake`."""

CONTEXT_PREFIX = "kwok-"
"""What the kubeconfig contexts of sandboxes begin with, which is kwok's own."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Node:
    """One node: `npus` cards of the extended resource `resource`, found by its `labels`."""

    name: str
    labels: Mapping[str, str]
    resource: str
    npus: int
    real: bool = False
    """Whether it is no simulated node: a kubelet runs its pods, on this machine."""


@dataclass(frozen=True)
class Plan:
    """A sandbox by name, with the nodes it should have.

    Raises SandboxError (wrong usage) for a name that cannot be a context, or two nodes of one name, or two real ones.
    """

    name: str
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        check_name(self.name)
        if len({node.name for node in self.nodes}) < len(self.nodes):
            raise SandboxError(f"sandbox {self.name}: two nodes have the same name", "rename a pool", WRONG_USAGE)
        if sum(node.real for node in self.nodes) > 1:
            raise SandboxError(f"sandbox {self.name}: two nodes are real", "have one real node", WRONG_USAGE)

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
    """What takes the nodes there are to the nodes of a plan; a node that changed is in both."""

    remove: tuple[str, ...]
    add: tuple[Node, ...]

    def __bool__(self) -> bool:
        return bool(self.remove or self.add)


def check_name(name: str) -> None:
    """Raise SandboxError (wrong usage) unless `name` can name a sandbox: 1 to 40 of a-z, 0-9 and inner dashes."""
    if not _NAME.fullmatch(name):
        raise SandboxError(
            f"{name!r} cannot name a sandbox",
            fix="use 1 to 40 characters of a-z, 0-9 and - (not first or last)",
            exit_code=WRONG_USAGE,
        )


def fingerprint(node: Node) -> str:
    """The node as one line of JSON, equal exactly when two nodes are the same."""
    fields = {"labels": dict(node.labels), "resource": node.resource, "npus": node.npus}
    fields.update({"real": True} if node.real else {})
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def changes(present: Mapping[str, str], wanted: tuple[Node, ...]) -> Changes:
    """Compare the nodes there are (name to fingerprint) with the wanted ones."""
    asked = {node.name: fingerprint(node) for node in wanted}
    return Changes(
        remove=tuple(sorted(name for name, print_ in present.items() if asked.get(name) != print_)),
        add=tuple(node for node in wanted if present.get(node.name) != asked[node.name]),
    )


def asked_for(node: Node) -> dict[str, str]:
    """What tells a later plan how the node was asked for."""
    return {NODE_ANNOTATION: fingerprint(node)}


def manifest(node: Node) -> dict[str, object]:
    """The Kubernetes object of a simulated node, big enough that only its NPUs are ever scarce."""
    room = {"cpu": "192", "memory": "1536Gi", "ephemeral-storage": "4Ti", "pods": "256", node.resource: str(node.npus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", "type": "kwok", **node.labels},
            "annotations": {SIMULATED: "fake", **asked_for(node)},
        },
        "status": {"capacity": room, "allocatable": room},
    }
