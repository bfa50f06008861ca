"""What stands beside the pods and cannot work, or hardly as it is meant."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.egress import needs
from models.service.resolved import ResolvedService


@rule
def budget_blocks_eviction(service: ResolvedService) -> Iterator[Finding]:
    """A disruption budget lets at least one pod go.

    Where it lets none go, a node with a pod of the service can never be drained, and the drain waits for ever. How many
    pods an autoscaler leaves is not known: `minAvailable` may be as many as that at any time.
    """
    budget = service.disruption_budget
    if budget is None or not service.replicas:
        return
    least = budget.min_available
    if budget.max_unavailable == 0 or (least and (service.external or least >= service.replicas)):
        key = "maxUnavailable" if least is None else "minAvailable"
        pods = "" if service.external else f" of {service.replicas}"
        yield error(
            f"no pod may ever be evicted: {key} is {least or 0}{pods}",
            why="a node with a pod of the service could never be drained",
            fix="write {maxUnavailable: 1}",
            marks=[at(f"disruptionBudget.{key}"), at("replicas")],
        )


@rule
def exposed_without_key(service: ResolvedService) -> Iterator[Finding]:
    """A service that is reached from outside of the cluster asks for a key.

    Whoever reaches the load balancer or a node may use the NPUs, and read `/metrics`. The plain server knows no key at
    all.
    """
    if service.expose.type != "ClusterIP" and service.server.api_key is None:
        openai = service.server.kind == "openai"
        yield warning(
            f"everybody who reaches the {service.expose.type} may use the service",
            why="it asks for no key" if openai else "the plain server of vLLM 0.6.3 knows no key",
            fix="set server.apiKey" if openai else "put a gateway in front of it, or use the OpenAI server with a key",
            marks=[at("expose.type"), at("server.apiKey" if openai else "server.kind")],
        )


@rule
def network_admits_nobody(service: ResolvedService) -> Iterator[Finding]:
    """A NetworkPolicy admits those who shall ask the service.

    Without `admit` and `cidrs` only the monitoring and the Job of `smoke` reach the pods.
    """
    if service.network and not service.network.admit and not service.network.cidrs:
        yield warning(
            "network admits nobody who could ask the service",
            why="it is closed to all namespaces and addresses that are not named",
            fix="name namespaces under admit, or addresses under cidrs",
            marks=[at("network")],
        )


@rule
def network_closes_exposure(service: ResolvedService) -> Iterator[Finding]:
    """A NetworkPolicy admits the clients of a NodePort or a LoadBalancer.

    They come from outside of the cluster, so no namespace is theirs; they are known by their addresses.
    """
    if service.network and service.expose.type != "ClusterIP" and not service.network.cidrs:
        yield error(
            f"network closes the {service.expose.type} to all its clients",
            why="clients outside of the cluster are in no namespace",
            fix="name their addresses under network.cidrs, or write expose: ClusterIP",
            marks=[at("network"), at("expose.type")],
        )


@rule
def network_closes_metrics(service: ResolvedService) -> Iterator[Finding]:
    """A NetworkPolicy admits the Prometheus that `monitoring` is for.

    What cannot read `/metrics` gives no metrics, and no alert of theirs.
    """
    if service.network and service.monitoring and not service.network.monitoring:
        yield warning(
            "network says no namespace that may read /metrics",
            why="a Prometheus in another namespace gets no answer, and its alerts stay silent",
            fix="name the namespace of Prometheus as network.monitoring",
            marks=[at("network"), at("monitoring")],
        )


@rule
def network_closes_needs(service: ResolvedService) -> Iterator[Finding]:
    """`egress` opens a port of what the service has to connect to, or of its proxy.

    Weights come from a bucket, MindSpeed from its repository, and pictures from the addresses that requests name.
    """
    given = service.network.egress if service.network else None
    opened = {port for one in given or () for port in one.ports}
    closed = [what for what, ports in needs(service) if not opened & {*ports}]
    if given is not None and closed:
        yield warning(
            f"network.egress opens no port of {', '.join(closed)}, which the service connects to",
            why="the pods would wait for an answer in vain",
            fix="name the addresses and ports under egress, or remove it",
            marks=[at("network.egress")],
        )


@rule
def network_of_node(service: ResolvedService) -> Iterator[Finding]:
    """A service with `network` has a network of its own.

    With `hostNetwork` its pods have the addresses of their nodes, which no NetworkPolicy is for.
    """
    if service.network and service.pod_template and service.pod_template.spec.get("hostNetwork"):
        yield error(
            "network is without effect on pods with hostNetwork",
            why="they have the addresses of their nodes, which no NetworkPolicy is for",
            fix="remove hostNetwork, or network",
            marks=[at("network"), at("podTemplate.spec.hostNetwork")],
        )


@rule
def monitoring_server(service: ResolvedService) -> Iterator[Finding]:
    """Only the OpenAI server has metrics.

    The plain server of vLLM 0.6.3 has no `/metrics` (vllm/entrypoints/api_server.py).
    """
    if service.monitoring and service.server.kind != "openai":
        yield error(
            "the plain server has no /metrics",
            why="vLLM 0.6.3 gives metrics by its OpenAI server only (vllm/entrypoints/openai/api_server.py:222)",
            fix="set server.kind to openai, or remove monitoring",
            marks=[at("monitoring"), at("server.kind")],
        )


@rule
def monitoring_without_statistics(service: ResolvedService) -> Iterator[Finding]:
    """A service with `monitoring` keeps its statistics.

    With `--disable-log-stats` the engine of vLLM 0.6.3 has no loggers of statistics, Prometheus' among them
    (vllm/engine/llm_engine.py, `stat_loggers`): `/metrics` answers without a single gauge of vLLM's.
    """
    if service.monitoring and service.further("disable-log-stats"):
        yield warning(
            "/metrics stays empty with disableLogStats",
            why="the engine of vLLM 0.6.3 sets no gauge then (vllm/engine/llm_engine.py, stat_loggers)",
            fix="remove disableLogStats, or monitoring",
            marks=[at("monitoring"), at("engine.extraArgs")],
        )
