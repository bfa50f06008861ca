"""The objects beside the pods of a service that it asks for: budget, network, metrics and alerts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.manifests.alerts import alerts
from models.manifests.kinds import MONITORING
from models.manifests.metadata import Manifest, metadata, selector
from models.manifests.smoke_job import smoke_labels
from models.service.egress import needs
from models.service.resolved import ResolvedService

_NAMESPACE = "kubernetes.io/metadata.name"
_LINK_LOCAL = {"0.0.0.0/0": "169.254.0.0/16", "::/0": "fe80::/10"}
"""Where clouds answer with the credentials of a node, by all addresses of its family."""
_NODE_LOCAL_DNS = "169.254.20.10/32"


def beside_objects(service: ResolvedService) -> Iterator[Manifest]:
    """What a service asks for beside its pods and its Service, but for kinds that the cluster lacks."""
    made = (_disruption_budget(service), _network_policy(service), _pod_monitor(service), _prometheus_rule(service))
    yield from (item for item in made if item and item["kind"] not in service.cluster.lacks)


def _disruption_budget(service: ResolvedService) -> Manifest | None:
    budget = service.disruption_budget
    if budget is None:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service),
        "spec": {
            **budget.model_dump(by_alias=True, exclude_none=True),
            "selector": {"matchLabels": selector(service)},
        },
    }


def _network_policy(service: ResolvedService) -> Manifest | None:
    """One port is open, the server's: to the smoke Job, to namespaces and to addresses. Egress is DNS and what is
    needed."""
    network = service.network
    if network is None:
        return None
    named = dict.fromkeys([*network.admit, *([network.monitoring] if network.monitoring else [])])
    asking = [
        {"podSelector": {"matchLabels": smoke_labels(service)}},
        *(_namespace(name) for name in named),
        *({"ipBlock": {"cidr": cidr}} for cidr in network.cidrs),
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service),
        "spec": {
            "podSelector": {"matchLabels": selector(service)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": asking, "ports": _ports("TCP", service.server.port)}],
            "egress": [_dns(), *_egress(service)],
        },
    }


def _dns() -> Manifest:
    there = [_namespace("kube-system"), {"ipBlock": {"cidr": _NODE_LOCAL_DNS}}]
    return {"to": there, "ports": [*_ports("UDP", 53), *_ports("TCP", 53)]}


def _egress(service: ResolvedService) -> Iterator[Manifest]:
    given = service.network.egress if service.network else None
    if given is not None:
        for one in given:
            yield {"to": [{"ipBlock": {"cidr": one.cidr}}], "ports": _ports("TCP", *one.ports)}
    elif ports := sorted({port for _, some in needs(service) for port in some}):
        anywhere = [{"ipBlock": {"cidr": cidr, "except": [near]}} for cidr, near in _LINK_LOCAL.items()]
        yield {"to": [*anywhere, {"namespaceSelector": {}}], "ports": _ports("TCP", *ports)}


def _namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE: name}}}


def _ports(protocol: str, *ports: int) -> list[Manifest]:
    return [{"protocol": protocol, "port": port} for port in ports]


def _pod_monitor(service: ResolvedService) -> Manifest | None:
    """The certificate of a server is for the name of its Service, and each pod is asked by its address."""
    if service.monitoring is None:
        return None
    secure = {"scheme": "https", "tlsConfig": {"insecureSkipVerify": True}} if service.tls else {}
    endpoint = {"port": "http", "path": "/metrics", "interval": f"{service.monitoring.interval}s", **secure}
    spec = {"selector": {"matchLabels": selector(service)}, "podMetricsEndpoints": [endpoint]}
    return _for_prometheus("PodMonitor", service, service.monitoring.labels, spec)


def _prometheus_rule(service: ResolvedService) -> Manifest | None:
    if service.monitoring is None or not service.monitoring.rules:
        return None
    namespace, name = service.cluster.namespace.name, service.name
    spec = {"groups": [{"name": f"{namespace}-{name}", "rules": [*alerts(service)]}]}
    return _for_prometheus("PrometheusRule", service, service.monitoring.labels, spec)


def _for_prometheus(kind: str, service: ResolvedService, labels: dict[str, str], spec: dict[str, Any]) -> Manifest:
    about = metadata(service)
    return {
        "apiVersion": MONITORING,
        "kind": kind,
        "metadata": {**about, "labels": {**about["labels"], **labels}},
        "spec": spec,
    }
