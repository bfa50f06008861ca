"""The template of a service's pods: the manual's pod of Step 2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.launch.launch import GRAPH_CACHE_DIRECTORY
from models.manifests.expansion import literal_container
from models.manifests.init_containers import (
    from_secret,
    init_containers,
    mind_speed_mounts,
    mind_speed_volumes,
)
from models.manifests.metadata import NAME, NAME_LABEL, Manifest, labels
from models.manifests.node_mounts import host_path
from models.manifests.pod_role import PodRole
from models.manifests.pod_template import patched
from models.manifests.read_only_root import (
    working_directory,
    writable_environment,
    writable_mounts,
    writable_volumes,
)
from models.manifests.resources import (
    container_resources,
    shared_memory_mount,
    shared_memory_volume,
)
from models.manifests.security import container_security, pod_security
from models.manifests.weights import weight_mounts, weight_volumes
from models.service.resolved import ResolvedService

CONTAINER = "ascend-vllm"
"""Name of the server's container, from the manual's example."""

GRAPH_CACHE_VOLUME = "graph-cache"
"""Name of the volume with compiled graphs."""

QUEUE_NAME = "scheduling.volcano.sh/queue-name"
"""Annotation of the pod from which Volcano 1.14 reads the queue (pkg/controllers/podgroup/
pg_controller_handler.go:400)."""


def pod_template(
    service: ResolvedService,
    role: PodRole,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The template of the pods of a service with this role; further arguments as for `deployment`."""
    metadata: Manifest = {"labels": labels(service)}
    if role.queue:
        metadata["annotations"] = {QUEUE_NAME: role.queue}
    mounts = [
        *volume_mounts,
        *mind_speed_mounts(service),
        *weight_mounts(service),
        *writable_mounts(service),
    ]
    spec = _scheduling(service)
    spec["enableServiceLinks"] = False
    spec |= pod_security(service)
    spec |= role.spec
    spec["terminationGracePeriodSeconds"] = role.grace_period
    if prepared := [*init_containers(service, mounts)]:
        spec["initContainers"] = prepared
    server = _container(service, role, mounts, command=command)
    spec["containers"] = [literal_container(server)]
    spec["volumes"] = [
        *volumes,
        *mind_speed_volumes(service),
        shared_memory_volume(service),
        *graph_cache_volume(service),
        *weight_volumes(service),
        *writable_volumes(service),
    ]
    return patched({"metadata": metadata, "spec": spec}, service)


def _scheduling(service: ResolvedService) -> Manifest:
    """The part of the spec that decides on which node a pod runs, and with which credentials its image is pulled."""
    spec: Manifest = {"schedulerName": "volcano"}
    if service.priority_class:
        spec["priorityClassName"] = service.priority_class
    pull_secrets = dict.fromkeys(reference.secret for reference in service.pull_secrets)
    if pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in pull_secrets]
    spec["nodeSelector"] = dict(service.cluster.platform.node_selector)
    if shares_nodes(service):
        spec["affinity"] = affinity_to_other_services()
    return spec


def _container(
    service: ResolvedService,
    role: PodRole,
    volume_mounts: Iterable[Mapping[str, Any]],
    *,
    command: Mapping[str, Any],
) -> Manifest:
    container: Manifest = {
        "name": CONTAINER,
        "image": service.image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": container_security(service),
        "ports": role.ports,
        **command,
        **working_directory(service),
    }
    variables = [
        *role.environment,
        *writable_environment(service),
        *_variables_from_secrets(service),
        *_variables_from_fields(service),
    ]
    if variables:
        container["env"] = variables
    return {
        **container,
        "resources": container_resources(service),
        **role.container,
        "volumeMounts": [
            *volume_mounts,
            shared_memory_mount(),
            *_graph_cache_mount(service),
        ],
    }


def _variables_from_secrets(service: ResolvedService) -> list[Manifest]:
    variables = []
    if service.server.api_key:
        variables.append(from_secret("VLLM_API_KEY", service.server.api_key))
    for name, reference in service.secret_env.items():
        variables.append(from_secret(name, reference))
    return variables


def _variables_from_fields(service: ResolvedService) -> Iterator[Manifest]:
    for name, source in service.field_env.items():
        field = {"apiVersion": "v1", "fieldPath": source.field}
        yield {"name": name, "valueFrom": {"fieldRef": field}}


def shares_nodes(service: ResolvedService) -> bool:
    """Whether a pod requests fewer NPUs than the largest nodes have, so that others fit on its node.

    Huawei's own example packs its pods in the same way (ModelArts, vllm_single_node.yaml of release 6.5.905).
    """
    node_sizes = [pool.npus_per_node for pool in service.cluster.pools.values()]
    return bool(node_sizes) and service.npus < max(node_sizes)


def affinity_to_other_services() -> Manifest:
    """Small pods prefer nodes that already run pods of a service.

    Otherwise each of them could occupy a whole node that a larger service needs, and nothing moves them later.
    """
    term = {
        "labelSelector": {"matchLabels": {NAME_LABEL: NAME}},
        "namespaceSelector": {},
        "topologyKey": "kubernetes.io/hostname",
    }
    preference = {"weight": 100, "podAffinityTerm": term}
    return {
        "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}
    }


def graph_cache_volume(service: ResolvedService) -> list[Manifest]:
    """The volume with compiled graphs, if the graph mode keeps them."""
    if service.pta_graph is None:
        return []
    return [host_path(GRAPH_CACHE_VOLUME, service.pta_graph.cache, "DirectoryOrCreate")]


def _graph_cache_mount(service: ResolvedService) -> list[Manifest]:
    if service.pta_graph is None:
        return []
    return [{"name": GRAPH_CACHE_VOLUME, "mountPath": GRAPH_CACHE_DIRECTORY}]
