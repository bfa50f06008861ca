"""The differences between the only pod of a server, the leader of a group, and its workers."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.engines.group import ResolvedGroup
from models.launch.group import GROUP_LEADER
from models.launch.launch import DRAIN, LAUNCH_DIRECTORY
from models.manifests.metadata import Manifest
from models.manifests.probes import leader_probes, probes, worker_probes
from models.service.deadlines import grace_period, worker_grace_period
from models.service.resolved import ResolvedService

_POD_ADDRESS = "status.podIP"


@dataclass(frozen=True)
class PodRole:
    """The parts of a pod that depend on its role."""

    ports: list[Manifest]
    """Ports of the server's container."""
    environment: list[Manifest] = field(default_factory=list)
    """Further variables of the server's container."""
    container: Manifest = field(default_factory=dict)
    """Probes and hooks of the server's container."""
    spec: Manifest = field(default_factory=dict)
    """Further fields of the pod's spec."""
    grace_period: int = 0
    """Seconds from the end of the pod until it is killed."""
    queue: str | None = None
    """Volcano's queue, if it is read from the pod."""


def only_pod(service: ResolvedService) -> PodRole:
    """The pod of a server on one node."""
    return PodRole(
        ports=[_http(service)],
        container={**probes(service), **_drained()},
        grace_period=grace_period(service),
        queue=service.queue,
    )


def leader(service: ResolvedService, group: ResolvedGroup) -> PodRole:
    """The pod of a group that answers requests."""
    ports = [_http(service)]
    if service.cluster.host_network:
        ports += [
            _port("group", group.port),
            _port("members", group.member_port),
            _port("hccl", group.hccl_port),
        ]
    return PodRole(
        ports=ports,
        environment=_addresses(),
        container={**leader_probes(service), **_drained()},
        spec=_network(service),
        grace_period=grace_period(service),
    )


def worker(service: ResolvedService, group: ResolvedGroup) -> PodRole:
    """A pod of a group without an API server: it has no port that a probe could ask for requests.

    It must not end before the leader has answered its requests, so it ends after the leader.
    """
    ports = []
    if service.cluster.host_network:
        ports = [_port("hccl", group.hccl_port)]
    return PodRole(
        ports=ports,
        environment=_addresses(),
        container={**worker_probes(), **_after_leader(service)},
        spec=_network(service),
        grace_period=worker_grace_period(service),
    )


def _http(service: ResolvedService) -> Manifest:
    return _port("http", service.server.port)


def _port(name: str, number: int) -> Manifest:
    return {"name": name, "containerPort": number}


def _drained() -> Manifest:
    """The hook that waits for the server's requests before it ends."""
    command = ["/bin/bash", "-c", f"{LAUNCH_DIRECTORY}/{DRAIN}"]
    return {"lifecycle": {"preStop": {"exec": {"command": command}}}}


def _after_leader(service: ResolvedService) -> Manifest:
    """The hook of a worker: it waits until the leader's container has ended, or for as long as that may take."""
    longest = grace_period(service)
    command = f"for ((i = 0; i < {longest}; i++)); do [[ -e {GROUP_LEADER} ]] || break; sleep 1; done"
    return {
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/bash", "-c", command]}}}
    }


def _addresses() -> list[Manifest]:
    """The pod's address, for HCCL and for vLLM, which would find another one on a node with several networks."""
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": _POD_ADDRESS}}
    return [
        {"name": "HCCL_IF_IP", "valueFrom": source},
        {"name": "VLLM_HOST_IP", "valueFrom": source},
    ]


def _network(service: ResolvedService) -> Manifest:
    """The network of the node, if the cluster requests it; with the cluster's DNS, which knows the leader's name.

    The scheduler keeps pods with the same port off the same node.
    """
    if not service.cluster.host_network:
        return {}
    return {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
