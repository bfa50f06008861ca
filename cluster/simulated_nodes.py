"""Nodes that kwok simulates, as in the sandbox: their pods are reported as running, and no container runs in them."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.pods import node_of
from cluster.snapshot import Object, annotations_of, name_of

_ANNOTATION = "kwok.x-k8s.io/node"
"""Annotation of the nodes that kwok simulates; its value is `fake`."""


def simulated_node_of(pod: Object, nodes: Iterable[Object]) -> str:
    """The name of the simulated node that a pod is assigned to; empty if its node is a real one."""
    for node in nodes:
        if name_of(node) == node_of(pod) and _ANNOTATION in annotations_of(node):
            return name_of(node)
    return ""
