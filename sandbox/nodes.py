"""The nodes of a running sandbox, and the changes that bring them to the plan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import kubectl
from sandbox.errors import SandboxError
from sandbox.plan import NODE_ANNOTATION, Changes, Node, changes, manifest


@dataclass(frozen=True)
class NodeStatus:
    """A node of the API server."""

    name: str
    ready: bool
    resource: str
    npus: int


def listed(home: Path) -> list[NodeStatus]:
    """The nodes of the cluster."""
    return [_status(node) for node in kubectl.items(home, "nodes")]


def reconcile(home: Path, wanted: tuple[Node, ...]) -> Changes:
    """Remove nodes that are not in the plan, with their pods; replace changed nodes; add missing nodes.

    Raises:
        SandboxError: A real node would change. It is added and removed only with its sandbox.
    """
    present = {
        node["metadata"]["name"]: _fingerprint(node)
        for node in kubectl.items(home, "nodes")
    }
    todo = changes(present, wanted)
    adds_real = any(node.real for node in todo.add)
    removes_real = any('"real":true' in present[name] for name in todo.remove)
    if adds_real or removes_real:
        raise SandboxError(
            f"sandbox {home.name} is running, so its real node cannot be added, changed or removed",
            "stop the sandbox first (ascend-vllm sandbox down), or start it with the same --node and pool as before",
        )
    for name in todo.remove:
        _remove(home, name)
    kubectl.create(home, [manifest(node) for node in todo.add])
    return todo


def _remove(home: Path, node: str) -> None:
    """Delete a node and its pods. No kubelet ends the pods of a deleted node, so they are deleted by force."""
    kubectl.kubectl(home, "delete", "node", node)
    kubectl.kubectl(
        home,
        "delete",
        "pods",
        "--all-namespaces",
        f"--field-selector=spec.nodeName={node}",
        "--force",
        "--grace-period=0",
        "--ignore-not-found",
    )


def _fingerprint(node: dict[str, Any]) -> str:
    annotations = node["metadata"].get("annotations", {})
    return str(annotations.get(NODE_ANNOTATION, ""))


def _status(node: dict[str, Any]) -> NodeStatus:
    planned: dict[str, Any] = {"resource": "", "npus": 0}
    fingerprint = _fingerprint(node)
    if fingerprint:
        planned = json.loads(fingerprint)
    conditions = node.get("status", {}).get("conditions", [])
    statuses = {condition["type"]: condition["status"] for condition in conditions}
    return NodeStatus(
        name=node["metadata"]["name"],
        ready=statuses.get("Ready") == "True",
        resource=planned["resource"],
        npus=planned["npus"],
    )
