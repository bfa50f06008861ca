"""The alerts of a service, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from models.manifests.metadata import Manifest
from models.manifests.pod import CONTAINER
from models.record import duration_text
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService

_PATIENCE = 300
"""Seconds that something lasts before it is worth a word."""


def alerts(service: ResolvedService) -> Iterator[Manifest]:
    """The alerts: on vLLM's own gauges, and on the metrics of kube-state-metrics about the pods.

    No pod is ready while an update deletes first; that is worth a word only when it lasts longer.
    """
    namespace, name, metrics = (
        service.cluster.namespace.name,
        service.name,
        service.release.metrics,
    )
    scraped = f'job="{namespace}/{name}"'
    pods = (
        f'namespace="{namespace}",pod=~"{_pod_names(service)}",container="{CONTAINER}"'
    )
    ready, wanted = _replica_gauges(service)
    restarts = f"increase(kube_pod_container_status_restarts_total{{{pods}}}[15m]) > 0"
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


def _pod_names(service: ResolvedService) -> str:
    """A regular expression for the names of the service's pods."""
    if service.group:
        return f"{service.workload}-[0-9]+(-[0-9]+)?"
    return f"{service.name}-[a-z0-9]+-[a-z0-9]+"


def _replica_gauges(service: ResolvedService) -> tuple[str, str]:
    """The gauges of kube-state-metrics for the ready and the wanted pods that answer requests.

    It has none for a LeaderWorkerSet, whose leaders are the pods of a StatefulSet with the same name.
    """
    namespace = service.cluster.namespace.name
    if service.group:
        labels = f'{{namespace="{namespace}",statefulset="{service.workload}"}}'
        return (
            f"kube_statefulset_status_replicas_ready{labels}",
            f"kube_statefulset_replicas{labels}",
        )
    labels = f'{{namespace="{namespace}",deployment="{service.name}"}}'
    return (
        f"kube_deployment_status_replicas_ready{labels}",
        f"kube_deployment_spec_replicas{labels}",
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
