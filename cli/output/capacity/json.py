"""For programs: NPUs and rollouts as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from models.finding import Finding
from models.service.capacity import Node, Packing
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService, ResolvedStack

VERSION = 1
"""Raised when a key changes its meaning or is removed."""


def render(stack: ResolvedStack, packing: Packing) -> str:
    """The nodes of the pools with their pods, and how each service is updated."""
    without_room = [
        {"service": service, "npus": npus} for service, npus in packing.homeless
    ]
    document = {
        "version": VERSION,
        "stack": stack.name,
        "nodes": [{**_node(node), "pool": node.pool} for node in packing.nodes],
        "withoutRoom": without_room,
        "services": [_service(service) for service in stack.services],
        "notCounted": list(stack.broken),
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def render_live(stack: str, nodes: Sequence[Node], findings: Sequence[Finding]) -> str:
    """The nodes of a cluster with all pods that hold NPUs, and the findings about them."""
    document = {
        "version": VERSION,
        "stack": stack,
        "nodes": [_node(node) for node in nodes],
        "findings": [_finding(finding) for finding in findings],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _node(node: Node) -> dict[str, Any]:
    pods = [{"service": service, "npus": npus} for service, npus in node.pods]
    return {"name": node.name, "npus": node.npus, "free": node.free, "pods": pods}


def _service(service: ResolvedService) -> dict[str, Any]:
    rollout = service.rollout.model_dump(by_alias=True, exclude_none=True)
    rollout["because"] = service.origins["rollout.kind"].source
    return {
        "name": service.name,
        "npus": service.npus,
        "nodes": service.nodes,
        "replicas": service.replicas,
        "queue": service.queue,
        "rollout": rollout,
        "downtimeSeconds": downtime(service),
        "startupSeconds": service.startup,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
    }
