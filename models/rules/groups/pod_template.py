"""Rules on parts of `podTemplate` that contradict a group of pods."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.group import ResolvedGroup
from models.finding import Finding, Mark, at, error, no_effect, warning
from models.rules.groups.network import free_port, port_ranges
from models.rules.groups.places import hostname_places, pods_of_node
from models.rules.pods.added_parts import (
    Part,
    added_containers,
    added_labels,
    added_spec,
)
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.words import counted

_LONGEST_HOST_NAME = 64
"""Characters of the name of a Linux host."""

_DOMAIN = "svc.cluster.local"
"""The domain of services in most clusters."""

_RANK = "LWS_"
"""The beginning of the variables that the LeaderWorkerSet's webhook writes (lws 0.9.0, pkg/utils/pod/pod_utils.go)."""

_NAMES = ("hostname", "subdomain")

_NAME_SOURCE = "Kubernetes, pkg/controller/statefulset/stateful_set_utils.go"

_LABELS_OF_SETS = (
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
)


@rule("error", "warning", "no-effect")
def group_pod_template(service: ResolvedService) -> Iterator[Finding]:
    """A patch of the pods leaves a group able to start, to find its leader and to end together.

    The pods of a group have one template, but other names, nodes and ranks. A LeaderWorkerSet names its pods, starts
    them all or nothing, and recreates the whole group when one container restarts.
    """
    if service.group is None or service.pod_template is None:
        return
    spec = added_spec(service)
    yield from _names(service, spec)
    yield from _name_resolution(service, spec)
    yield from _network(service, spec)
    yield from _too_few_nodes(service, spec)
    yield from _readiness(service, spec)
    for container in added_containers(service):
        yield from _restarts(service, container)
        yield from _variables(container)
        yield from _ports(service, service.group, container)
        yield from _node_ports(service, container)
    yield from _labels(service)


def _names(service: ResolvedService, spec: Part) -> Iterator[Finding]:
    """Names of the pods."""
    for key in _NAMES:
        if key not in spec.fields:
            continue
        yield no_effect(
            f"podTemplate sets the {key} {spec.get(key)}, but each pod of a group has another name",
            why=f"the controller of the set overwrites it with the name of the pod ({_NAME_SOURCE})",
            fix=f"remove {_key(spec, key)}",
            marks=[spec.mark(key), _nodes(service)],
        )
    if spec.get("setHostnameAsFQDN") is not True:
        return
    groups = max(service.replicas + service.surge - 1, 0)
    pod = f"{service.workload}-{groups}-{service.nodes - 1}"
    name = f"{pod}.{service.workload}.{service.cluster.namespace.name}.{_DOMAIN}"
    if len(name) <= _LONGEST_HOST_NAME:
        return
    yield error(
        f"with setHostnameAsFQDN, the pod {pod} has a host name of {len(name)} characters, but {_LONGEST_HOST_NAME}"
        " are possible",
        why=f"its name would be {name}, and the kubelet does not start it (Kubernetes, setHostnameAsFQDN)",
        fix=f"remove {_key(spec, 'setHostnameAsFQDN')}",
        marks=[spec.mark("setHostnameAsFQDN"), _nodes(service)],
    )


def _name_resolution(service: ResolvedService, spec: Part) -> Iterator[Finding]:
    """The DNS of the cluster, which knows the name of the leader."""
    if "dnsPolicy" not in spec.fields:
        return
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    accepted = {"ClusterFirst", "ClusterFirstWithHostNet"}
    if service.cluster.host_network:
        accepted = {"ClusterFirstWithHostNet"}
    searches = spec.part("dnsConfig").texts("searches")
    has_services = any(search.startswith("svc.") for search in searches)
    if policy in accepted or (policy == "None" and has_services):
        return
    leader = f"{service.workload}-0.{service.workload}"
    yield error(
        f"with dnsPolicy {policy}, workers do not find their leader",
        why=f"only the cluster's DNS with the search domain {_DOMAIN} knows its name, {leader} and the namespace"
        " (lws 0.9.0, LWS_LEADER_ADDRESS)",
        fix=f"remove {_key(spec, 'dnsPolicy')}",
        marks=[spec.mark("dnsPolicy"), _nodes(service)],
    )


def _network(service: ResolvedService, spec: Part) -> Iterator[Finding]:
    """The network of the nodes, which the launch must know about."""
    cluster = service.cluster
    key = "hostNetwork"
    if key not in spec.fields or spec.get(key) is cluster.host_network:
        return
    removal = f"remove {_key(spec, key)}"
    fix = removal
    if spec.get(key) is True:
        fix += f", or {removal} and write cluster.hostNetwork: true"
        if not cluster.is_interface_set:
            fix += " and write cluster.interface: enp189s0f0"
    yield error(
        f"podTemplate sets hostNetwork for the {service.nodes} pods of a group, but cluster.hostNetwork does not",
        why="interface, ports and DNS of a group follow from cluster.hostNetwork: workers would not find their leader",
        fix=fix,
        marks=[spec.mark(key), _nodes(service)],
    )


def _too_few_nodes(service: ResolvedService, spec: Part) -> Iterator[Finding]:
    """Names of nodes on which not all pods have room."""
    places = hostname_places(spec)
    if places is None:
        return
    room = len(places.nodes) * pods_of_node(service)
    if room >= service.nodes:
        return
    nodes = counted(len(places.nodes), "node")
    yield error(
        f"podTemplate allows {nodes} with room for {counted(room, 'pod')}, but a group has {service.nodes} pods",
        why="Volcano starts the pods of a group all or nothing, so they stay Pending",
        fix=f"remove {'.'.join(places.mark.path)}",
        marks=[places.mark, _nodes(service)],
    )


def _readiness(service: ResolvedService, spec: Part) -> Iterator[Finding]:
    """Conditions that somebody else sets."""
    gates = spec.parts("readinessGates")
    if not gates:
        return
    name = gates[0].text("conditionType")
    yield warning(
        f"pods are ready only with the condition {name}, even the workers of a group, which get no requests",
        why="a load balancer sets the condition of pods behind its Service, and only leaders are: without the condition"
        " of its workers, a group never becomes ready",
        fix=f"remove {_key(spec, 'readinessGates')}, or write accept.group-pod-template: 'the reason'",
        marks=[spec.mark("readinessGates"), _nodes(service)],
    )


def _restarts(service: ResolvedService, container: Part) -> Iterator[Finding]:
    """Further containers, each of whose restarts ends the server."""
    yield warning(
        f"a restart of the container {container.name} recreates all {service.nodes} pods of its group",
        why="the controller recreates a group when any container of it restarts, without a back-off (lws 0.9.0,"
        " pkg/utils/pod/pod_utils.go:29), so the server is down until the model is loaded again",
        fix=f"remove {'.'.join(container.path)}, or write accept.group-pod-template: 'the reason'",
        marks=[container.mark(), _nodes(service)],
    )


def _variables(container: Part) -> Iterator[Finding]:
    """Variables that are overwritten."""
    for variable in container.parts("env"):
        name = variable.text("name")
        if not name.startswith(_RANK):
            continue
        yield no_effect(
            f"{name} of the container {container.name} has no effect",
            why="the LeaderWorkerSet's webhook sets it in all containers of a group (lws 0.9.0)",
            fix=f"remove {'.'.join(variable.path)}",
            marks=[variable.mark("name"), at("nodes")],
        )


def _ports(
    service: ResolvedService, group: ResolvedGroup, container: Part
) -> Iterator[Finding]:
    """Ports of a group that no container declares on the pods' network."""
    if service.cluster.host_network:
        return
    ranges = port_ranges(service, group)
    for port in container.parts("ports"):
        number = port.get("containerPort")
        for key, ports in ranges.items():
            if number not in ports or key == "server.port":
                continue
            used = [*ranges.values(), range(number, number + 1)]
            yield error(
                f"the container {container.name} listens on port {number}, which is {key}",
                why="the containers of a pod share one network, so the leader cannot open the port for its workers",
                fix=f"write {key}: {free_port(used, len(ports))}",
                marks=[port.mark("containerPort"), at(key)],
            )


def _node_ports(service: ResolvedService, container: Part) -> Iterator[Finding]:
    """Ports of the node, which only one pod of it can have."""
    pools = service.cluster.pools.values()
    nodes = sum(pool.nodes for pool in pools)
    pods = service.replicas * service.nodes
    if not pools or pods <= nodes:
        return
    for port in container.parts("ports"):
        if port.get("hostPort") is None:
            continue
        yield error(
            f"{pods} pods have the port {port.get('hostPort')} of their node, and the pools have"
            f" {counted(nodes, 'node')}",
            why="the scheduler keeps pods with the same port of the node apart, and starts a group all or nothing",
            fix=f"remove {_key(port, 'hostPort')}",
            marks=[port.mark("hostPort"), _nodes(service)],
        )


def _labels(service: ResolvedService) -> Iterator[Finding]:
    """Labels that the controller of a StatefulSet writes."""
    labels = added_labels(service)
    for name in _LABELS_OF_SETS:
        if name not in labels.fields:
            continue
        yield no_effect(
            f"podTemplate sets the label {name}, which each pod of a group has with another value",
            why=f"the controller of the set overwrites it ({_NAME_SOURCE})",
            fix=f"remove {_key(labels, name)}",
            marks=[labels.mark(name), _nodes(service)],
        )


def _key(part: Part, key: str) -> str:
    return ".".join((*part.path, key))


def _nodes(service: ResolvedService) -> Mark:
    return at("nodes", counted(service.nodes, "pod"))
