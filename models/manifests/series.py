"""The time series about a service in Prometheus, which alerts and dashboards read."""

from __future__ import annotations

from models.manifests.pod import CONTAINER
from models.service.resolved import ResolvedService


def scraped_labels(service: ResolvedService) -> str:
    """The labels of the metrics that a PodMonitor scrapes from the service."""
    return f'job="{service.cluster.namespace.name}/{service.name}"'


def restart_counter(service: ResolvedService) -> str:
    """The counter of kube-state-metrics for the restarts of the server in each pod."""
    namespace = service.cluster.namespace.name
    pods = (
        f'namespace="{namespace}",pod=~"{_pod_names(service)}",container="{CONTAINER}"'
    )
    return f"kube_pod_container_status_restarts_total{{{pods}}}"


def replica_gauges(service: ResolvedService) -> tuple[str, str]:
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


def _pod_names(service: ResolvedService) -> str:
    """A regular expression for the names of the service's pods."""
    if service.group:
        return f"{service.workload}-[0-9]+(-[0-9]+)?"
    return f"{service.name}-[a-z0-9]+-[a-z0-9]+"
