"""The alerts of a service, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from models.manifests.metadata import Manifest
from models.manifests.series import replica_gauges, restart_counter, scraped_labels
from models.record import duration_text
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService

_PATIENCE = 300
"""Seconds that something lasts before it is worth a word."""


def alerts(service: ResolvedService) -> Iterator[Manifest]:
    """The alerts: on vLLM's own gauges, and on the metrics of kube-state-metrics about the pods.

    No pod is ready while an update deletes first; that is worth a word only when it lasts longer.
    """
    name = service.name
    metrics = service.release.metrics
    scraped = scraped_labels(service)
    ready, wanted = replica_gauges(service)
    restarts = f"increase({restart_counter(service)}[15m]) > 0"
    down = max(_PATIENCE, downtime(service))
    yield _alert(
        service,
        name="KvCacheFull",
        expression=f"{metrics.kv_cache_usage}{{{scraped}}} > 0.9",
        seconds=_PATIENCE,
        summary="the KV cache of {{ $labels.pod }} is more than 90 % full",
    )
    yield _alert(
        service,
        name="RequestsWaiting",
        expression=f"{metrics.waiting_requests}{{{scraped}}} > 0",
        seconds=_PATIENCE,
        summary="requests wait in {{ $labels.pod }} for 5 minutes",
    )
    yield _alert(
        service,
        name="Restarts",
        expression=restarts,
        seconds=0,
        summary="the server of {{ $labels.pod }} was started again",
    )
    yield _alert(
        service,
        name="NoReadyPod",
        expression=f"{ready} == 0 and {wanted} > 0",
        seconds=down,
        summary=f"no pod of {name} is ready",
        severity="critical",
    )


def _alert(
    service: ResolvedService,
    *,
    name: str,
    expression: str,
    seconds: int,
    summary: str,
    severity: str = "warning",
) -> Manifest:
    alert: Manifest = {"alert": f"AscendVllm{name}", "expr": expression}
    if seconds:
        alert["for"] = duration_text(seconds)
    alert["labels"] = {
        "severity": severity,
        "service": service.name,
        "namespace": service.cluster.namespace.name,
    }
    alert["annotations"] = {
        "summary": summary,
        "description": f"see docs/runbook.md, {name}",
    }
    return alert
