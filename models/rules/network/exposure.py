"""Rules on the way to a service: load balancer, NetworkPolicy, disruption budget and monitoring."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.egress import needs
from models.service.resolved import ResolvedService


@rule("error")
def budget_blocks_eviction(service: ResolvedService) -> Iterator[Finding]:
    """A disruption budget allows the eviction of at least one pod.

    Otherwise a node with a pod of the service can never be drained, and the drain waits forever. The number of pods
    that an autoscaler keeps is not known: it can be equal to `minAvailable` at any time.
    """
    budget = service.disruption_budget
    if budget is None or not service.replicas:
        return
    if budget.max_unavailable == 0:
        message = "disruptionBudget.maxUnavailable is 0, so no pod can ever be evicted"
        key = "maxUnavailable"
    elif budget.min_available and service.external:
        message = f"minAvailable {budget.min_available} can be all pods that the autoscaler keeps"
        key = "minAvailable"
    elif budget.min_available and budget.min_available >= service.replicas:
        message = f"minAvailable {budget.min_available} covers all {service.replicas} pods, so none can be evicted"
        key = "minAvailable"
    else:
        return
    yield error(
        message,
        why="a node with a pod of the service could never be drained (Kubernetes, PodDisruptionBudget)",
        fix="write disruptionBudget: {maxUnavailable: 1}",
        marks=[
            at(f"disruptionBudget.{key}"),
            at("replicas"),
        ],
    )


@rule("warning")
def exposed_without_key(service: ResolvedService) -> Iterator[Finding]:
    """A service that is reachable from outside of the cluster requires an API key.

    Everybody who reaches the load balancer or a node can use the NPUs and read `/metrics`. The plain server has no
    support for keys.
    """
    if service.expose.type == "ClusterIP" or service.server.api_key:
        return
    message = f"everybody who reaches the {service.expose.type} can use the service"
    if service.server.kind == "openai":
        key_name = f"{service.name}-api-key"
        yield warning(
            message,
            why="the server requires no API key",
            fix=f"write server.apiKey: {{secret: {key_name}, key: key}}, with the name of your Secret",
            marks=[
                at("expose.type"),
                at("server.apiKey"),
            ],
        )
    else:
        yield warning(
            message,
            why="the plain server has no support for API keys (vllm/entrypoints/api_server.py)",
            fix="write expose: ClusterIP, and put a gateway with authentication in front of it",
            marks=[
                at("expose.type"),
                at("server.kind"),
            ],
        )


@rule("warning")
def network_admits_nobody(service: ResolvedService) -> Iterator[Finding]:
    """A NetworkPolicy admits the clients of the service.

    Without `admit` and `cidrs`, only monitoring and the smoke Job reach the pods.
    """
    network = service.network
    if network is None or network.admit or network.cidrs:
        return
    yield warning(
        "network admits no client of the service",
        why="the NetworkPolicy blocks all namespaces and addresses that it does not list",
        fix="write network.admit: [gateway], with the namespaces of your clients",
        marks=[at("network")],
    )


@rule("error")
def network_closes_exposure(service: ResolvedService) -> Iterator[Finding]:
    """A NetworkPolicy admits the clients of a NodePort or a LoadBalancer.

    They are outside of the cluster and belong to no namespace. Only their addresses identify them.
    """
    network = service.network
    if network is None or network.cidrs or service.expose.type == "ClusterIP":
        return
    yield error(
        f"network blocks all clients of the {service.expose.type}",
        why="clients outside of the cluster belong to no namespace; only network.cidrs admits them",
        fix="write network.cidrs: [10.0.0.0/8], with the addresses of your clients",
        marks=[
            at("network"),
            at("expose.type"),
        ],
    )


@rule("warning")
def network_closes_metrics(service: ResolvedService) -> Iterator[Finding]:
    """A NetworkPolicy admits the Prometheus that `monitoring` is for.

    Without access to `/metrics`, Prometheus has no metrics of the service and fires none of their alerts.
    """
    network = service.network
    if network is None or network.monitoring or not service.monitoring:
        return
    yield warning(
        "network admits no namespace to /metrics, but monitoring is set",
        why="the NetworkPolicy blocks Prometheus, so the alerts on metrics never fire",
        fix="write network.monitoring: monitoring, with the namespace of your Prometheus",
        marks=[
            at("network"),
            at("monitoring"),
        ],
    )


@rule("warning")
def network_closes_needs(service: ResolvedService) -> Iterator[Finding]:
    """`egress` opens a port for each connection that the service needs, or for its proxy.

    Weights come from a bucket, MindSpeed from its repository, and images from the addresses in requests.
    """
    network = service.network
    if network is None or network.egress is None:
        return
    open_ports = {port for destination in network.egress for port in destination.ports}
    blocked = []
    for connection, ports in needs(service):
        if open_ports.isdisjoint(ports):
            blocked.append(connection)
    if blocked:
        yield warning(
            f"network.egress opens no port for {', '.join(blocked)}",
            why="the service connects there, and the NetworkPolicy drops the packets: the pods wait for a timeout",
            fix="remove network.egress, or add the addresses and ports to it",
            marks=[at("network.egress")],
        )


@rule("error")
def network_of_node(service: ResolvedService) -> Iterator[Finding]:
    """A service with `network` does not use the network of its nodes.

    With `hostNetwork`, pods have the addresses of their nodes. No NetworkPolicy applies to these.
    """
    patch = service.pod_template
    if service.network is None or patch is None or not patch.spec.get("hostNetwork"):
        return
    yield error(
        "network has no effect on pods with hostNetwork",
        why="such pods have the addresses of their nodes, and no NetworkPolicy applies to these",
        fix="remove podTemplate.spec.hostNetwork, or remove network",
        marks=[
            at("network"),
            at("podTemplate.spec.hostNetwork"),
        ],
    )


@rule("error")
def monitoring_server(service: ResolvedService) -> Iterator[Finding]:
    """Only the OpenAI server has metrics.

    The plain server of vLLM has no `/metrics` (vllm/entrypoints/api_server.py).
    """
    release = service.release
    if service.monitoring and service.server.kind != "openai":
        yield error(
            f"server.kind {service.server.kind} has no /metrics, but monitoring is set",
            why=f"vLLM {release.version} serves metrics in its OpenAI server only ({release.code_places.no_metrics})",
            fix="remove monitoring, or write server.kind: openai",
            marks=[
                at("monitoring"),
                at("server.kind"),
            ],
        )


@rule("warning")
def monitoring_without_statistics(service: ResolvedService) -> Iterator[Finding]:
    """A service with `monitoring` keeps its statistics.

    With `--disable-log-stats`, the engine has no statistics loggers, and Prometheus' is one of them: `/metrics` answers
    without any of vLLM's gauges.
    """
    release = service.release
    if service.monitoring and service.further("disable-log-stats"):
        yield warning(
            "disableLogStats leaves /metrics empty, but monitoring is set",
            why=f"without statistics the engine of vLLM {release.version} sets no gauge"
            f" ({release.code_places.statistics})",
            fix=f"remove {extra_argument_key(service, 'disable-log-stats')}, or remove monitoring",
            marks=[
                at("monitoring"),
                extra_argument_mark(service, "disable-log-stats"),
            ],
        )
