"""Kinds of resources, as the API server tells of them, and what the simulated pods do."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sandbox import controlplane
from sandbox.stages import STAGES, is_served


@pytest.mark.parametrize(
    ("status", "served", "reason"),
    [
        ({}, False, "just created"),
        ({"conditions": None}, False, "no condition yet, said so"),
        ({"conditions": [{"type": "NamesAccepted", "status": "True"}]}, False, "its names are accepted only"),
        ({"conditions": [{"type": "Established", "status": "False"}]}, False, "not yet"),
        ({"conditions": [{"type": "Established", "status": "True"}]}, True, "served"),
    ],
)
def test_a_definition_is_used_only_once_it_is_served(status: dict[str, Any], served: bool, reason: str) -> None:
    assert is_served({"status": status}) == served, reason


def test_nodes_and_pods_become_ready_by_kwoks_own_stages() -> None:
    made = [stage["metadata"]["name"] for stage in yaml.safe_load_all(STAGES.read_text(encoding="utf-8"))]

    assert made == [
        "node-initialize",
        "node-heartbeat-with-lease",
        "pod-ready",
        "pod-complete",
        "pod-delete",
        "namespace-recheck",
    ]


def test_a_user_may_add_stages_and_logs() -> None:
    assert controlplane.BEHAVIOUR == ("Stage", "Logs", "ClusterLogs", "PortForward", "ClusterPortForward")
