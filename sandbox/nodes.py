"""The nodes of a running sandbox: what is there, and what brings it to the plan."""

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
    """A node as the API server has it."""

    name: str
    ready: bool
    resource: str
    npus: int


def listed(home: Path) -> list[NodeStatus]:
    """The nodes there are, by name."""
    return [_status(node) for node in kubectl.items(home, "nodes")]


def reconcile(home: Path, wanted: tuple[Node, ...]) -> Changes:
    """Remove the nodes (with their pods) that the plan does not have, replace those that changed, add the missing.

    Raises SandboxError when that would be a real node, which comes and goes with its sandbox.
    """
    present = {n["metadata"]["name"]: _fingerprint(n) for n in kubectl.items(home, "nodes")}
    todo = changes(present, wanted)
    if any(node.real for node in todo.add) or any('"real":true' in present[name] for name in todo.remove):
        message = f"sandbox {home.name} runs, and its real node cannot be added, changed or removed meanwhile"
        fix = "take it down first (ascend-vllm sandbox down), or start it with the same --node and pool as before"
        raise SandboxError(message, fix)
    for name in todo.remove:
        kubectl.kubectl(home, "delete", "node", name)
        pods = ("pods", "--all-namespaces", f"--field-selector=spec.nodeName={name}")
        kubectl.kubectl(home, "delete", *pods, "--force", "--grace-period=0", "--ignore-not-found")
    kubectl.create(home, map(manifest, todo.add))
    return todo


def _fingerprint(node: dict[str, Any]) -> str:
    return str(node["metadata"].get("annotations", {}).get(NODE_ANNOTATION, ""))


def _status(node: dict[str, Any]) -> NodeStatus:
    asked = json.loads(_fingerprint(node) or '{"resource": "", "npus": 0}')
    conditions = {c["type"]: c["status"] for c in node.get("status", {}).get("conditions", [])}
    ready = conditions.get("Ready") == "True"
    return NodeStatus(node["metadata"]["name"], ready, asked["resource"], asked["npus"])
