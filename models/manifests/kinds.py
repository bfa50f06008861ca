"""Kinds of objects that a cluster knows only with an operator installed."""

from __future__ import annotations

MONITORING = "monitoring.coreos.com/v1"
"""API group and version of PodMonitor and PrometheusRule."""

VOLCANO = "scheduling.volcano.sh/v1beta1"
"""API group and version of Queue and PodGroup."""

LEADER_WORKER_SET = "leaderworkerset.x-k8s.io/v1"
"""API group and version of LeaderWorkerSet."""

INSTALLED = {MONITORING: "the Prometheus operator", VOLCANO: "Volcano"}
"""The software that installs each API group."""
