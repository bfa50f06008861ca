"""The additional objects of a service, such as its PodDisruptionBudget, NetworkPolicy and PodMonitor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.manifests.alerts import alerts
from models.manifests.kinds import MONITORING
from models.manifests.kv_transfer import peer_selector, router_objects
from models.manifests.metadata import Manifest, metadata, selector
from models.manifests.smoke_job import smoke_labels
from models.record import duration_text
from models.service.egress import needs
from models.service.resolved import ResolvedService
from models.stack_file.keys.exposure import Network
from models.stack_file.keys.monitoring import Monitoring
from models.stack_file.keys.operation import DisruptionBudget

_NAMESPACE = "kubernetes.io/metadata.name"

_LINK_LOCAL = {"0.0.0.0/0": "169.254.0.0/16", "::/0": "fe80::/10"}
"""The link-local range of each address family; clouds serve the credentials of a node there."""

_NODE_LOCAL_DNS = "169.254.20.10/32"


def additional_objects(service: ResolvedService) -> Iterator[Manifest]:
    """The objects that optional keys of the service request, without the kinds that the cluster lacks."""
    for manifest in _requested(service):
        if manifest["kind"] not in service.cluster.lacks:
            yield manifest


def _requested(service: ResolvedService) -> Iterator[Manifest]:
    if service.disruption_budget:
        yield _disruption_budget(service, service.disruption_budget)
    if service.network:
        yield _network_policy(service, service.network)
    if service.monitoring:
        yield _pod_monitor(service, service.monitoring)
        if service.monitoring.rules:
            yield _prometheus_rule(service, service.monitoring)
    yield from router_objects(service)


def _disruption_budget(service: ResolvedService, budget: DisruptionBudget) -> Manifest:
    limit = budget.model_dump(by_alias=True, exclude_none=True)
    if service.group:
        limit = _limit_of_groups(service, budget)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service),
        "spec": {**limit, "selector": {"matchLabels": selector(service)}},
    }


def _limit_of_groups(
    service: ResolvedService, budget: DisruptionBudget
) -> dict[str, Any]:
    """The budget of the stack file, which counts groups, for a PodDisruptionBudget, which counts pods.

    The eviction of one pod ends its group, and then all pods of the group are unavailable. So as many pods as groups
    may be unavailable. Pods of a group that has ended already do not hold up the drain of their nodes.
    """
    most = budget.max_unavailable
    if most is None:
        most = max(service.replicas - (budget.min_available or 0), 0)
    return {"maxUnavailable": most, "unhealthyPodEvictionPolicy": "AlwaysAllow"}


def _network_policy(service: ResolvedService, network: Network) -> Manifest:
    """One port is open, the server's: to the smoke Job and to the listed namespaces and addresses.

    Egress is open to the cluster's DNS and to the connections that the service needs. Between the pods of groups, and
    between those that exchange KV cache, all ports are open: vLLM, HCCL and Mooncake choose some of them at random.
    """
    clients = _clients(service, network)
    ingress = [{"from": clients, "ports": _ports("TCP", [service.server.port])}]
    egress = [_dns(), *_egress(service, network)]
    for peers in _peers(service):
        ingress.append({"from": [peers]})
        egress.append({"to": [peers]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service),
        "spec": {
            "podSelector": {"matchLabels": selector(service)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _clients(service: ResolvedService, network: Network) -> list[Manifest]:
    namespaces = dict.fromkeys(network.admit)
    if network.monitoring:
        namespaces[network.monitoring] = None
    smoke_job = {"podSelector": {"matchLabels": smoke_labels(service)}}
    return [
        smoke_job,
        *map(_namespace, namespaces),
        *map(_address_range, network.cidrs),
    ]


def _peers(service: ResolvedService) -> list[Manifest]:
    """The pods between which all ports are open: those of groups, and those that exchange KV cache."""
    selectors = []
    if service.group:
        selectors.append(selector(service))
    if service.kv_transfer:
        selectors.append(peer_selector(service.kv_transfer))
    return [{"podSelector": {"matchLabels": labels}} for labels in selectors]


def _dns() -> Manifest:
    servers = [_namespace("kube-system"), _address_range(_NODE_LOCAL_DNS)]
    return {"to": servers, "ports": [*_ports("UDP", [53]), *_ports("TCP", [53])]}


def _egress(service: ResolvedService, network: Network) -> list[Manifest]:
    if network.egress is not None:
        return [
            {
                "to": [_address_range(destination.cidr)],
                "ports": _ports("TCP", destination.ports),
            }
            for destination in network.egress
        ]
    ports: set[int] = set()
    for _, needed in needs(service):
        ports.update(needed)
    if not ports:
        return []
    anywhere = [
        {"ipBlock": {"cidr": everything, "except": [link_local]}}
        for everything, link_local in _LINK_LOCAL.items()
    ]
    return [
        {
            "to": [*anywhere, {"namespaceSelector": {}}],
            "ports": _ports("TCP", sorted(ports)),
        }
    ]


def _namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE: name}}}


def _address_range(cidr: str) -> Manifest:
    return {"ipBlock": {"cidr": cidr}}


def _ports(protocol: str, numbers: list[int]) -> list[Manifest]:
    return [{"protocol": protocol, "port": number} for number in numbers]


def _pod_monitor(service: ResolvedService, monitoring: Monitoring) -> Manifest:
    endpoint: dict[str, Any] = {
        "port": "http",
        "path": service.release.metrics.path,
        "interval": duration_text(monitoring.interval),
    }
    if service.tls:
        # The certificate names the Service, but Prometheus scrapes each pod by its address.
        endpoint |= {"scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}
    spec = {
        "selector": {"matchLabels": selector(service)},
        "podMetricsEndpoints": [endpoint],
    }
    return _for_prometheus("PodMonitor", service, monitoring.labels, spec)


def _prometheus_rule(service: ResolvedService, monitoring: Monitoring) -> Manifest:
    group = {
        "name": f"{service.cluster.namespace.name}-{service.name}",
        "rules": [*alerts(service)],
    }
    return _for_prometheus(
        "PrometheusRule", service, monitoring.labels, {"groups": [group]}
    )


def _for_prometheus(
    kind: str, service: ResolvedService, labels: Mapping[str, str], spec: Manifest
) -> Manifest:
    shared = metadata(service)
    return {
        "apiVersion": MONITORING,
        "kind": kind,
        "metadata": {**shared, "labels": {**shared["labels"], **labels}},
        "spec": spec,
    }
