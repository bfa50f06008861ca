"""The template of a service's pods: the manual's pod of Step 2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.launch.launch import DRAIN, GRAPH_CACHE_DIRECTORY, LAUNCH_DIRECTORY
from models.manifests.init_containers import from_secret, init_containers, mind_speed_mounts, mind_speed_volumes
from models.manifests.metadata import NAME, NAME_LABEL, Manifest, labels
from models.manifests.node_mounts import host_path
from models.manifests.pod_template import patched
from models.manifests.probes import probes
from models.manifests.resources import container_resources, shared_memory_mount, shared_memory_volume
from models.manifests.security import container_security, pod_security
from models.manifests.weights import weight_mounts, weight_volumes
from models.service.deadlines import grace_period
from models.service.resolved import ResolvedService

CONTAINER = "ascend-vllm"
"""Name of the server's container, the manual's example."""

GRAPH_CACHE_VOLUME = "graph-cache"
"""Name of the volume with compiled graphs."""

QUEUE_NAME = "scheduling.volcano.sh/queue-name"
"""Annotation of the pod that Volcano 1.14 reads the queue from (pkg/controllers/podgroup/
pg_controller_handler.go:400)."""


def pod_template(
    service: ResolvedService,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The template that every pod of a service is made from; arguments as for `deployment`."""
    mounts = [*volume_mounts, *mind_speed_mounts(service), *weight_mounts(service)]
    prepared = [*init_containers(service, mounts)]
    pull = [{"name": name} for name in dict.fromkeys(one.secret for one in service.pull_secrets)]
    queue = {"annotations": {QUEUE_NAME: service.queue}} if service.queue else {}
    template = {
        "metadata": {"labels": labels(service), **queue},
        "spec": {
            "schedulerName": "volcano",
            **({"priorityClassName": service.priority_class} if service.priority_class else {}),
            **({"imagePullSecrets": pull} if pull else {}),
            "nodeSelector": dict(service.cluster.platform.node_selector),
            **_beside_others(service),
            "enableServiceLinks": False,
            **pod_security(service),
            "terminationGracePeriodSeconds": grace_period(service),
            **({"initContainers": prepared} if prepared else {}),
            "containers": [_container(service, mounts, command)],
            "volumes": [
                *volumes,
                *mind_speed_volumes(service),
                shared_memory_volume(service),
                *_graph_cache_volume(service),
                *weight_volumes(service),
            ],
        },
    }
    return patched(template, service)


def _container(
    service: ResolvedService, volume_mounts: Iterable[Mapping[str, Any]], command: Mapping[str, Any]
) -> Manifest:
    sources = {"VLLM_API_KEY": service.server.api_key, **service.secret_env}
    variables = [from_secret(name, source) for name, source in sources.items() if source]
    return {
        "name": CONTAINER,
        "image": service.image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": container_security(service),
        "ports": [{"name": "http", "containerPort": service.server.port}],
        **command,
        **({"env": variables} if variables else {}),
        "resources": container_resources(service),
        **probes(service),
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/bash", "-c", f"{LAUNCH_DIRECTORY}/{DRAIN}"]}}},
        "volumeMounts": [*volume_mounts, shared_memory_mount(), *_graph_cache_mount(service)],
    }


def goes_beside_others(service: ResolvedService) -> bool:
    """Whether a pod needs less than the largest nodes have (Huawei's own example packs its pods likewise: ModelArts,
    vllm_single_node.yaml of release 6.5.905)."""
    return service.npus < max((pool.npus_per_node for pool in service.cluster.pools.values()), default=service.npus)


def _beside_others(service: ResolvedService) -> Manifest:
    """Small pods go where others are, or they take a node each from the services that need a whole one: nothing moves
    them again."""
    if not goes_beside_others(service):
        return {}
    others = {"matchLabels": {NAME_LABEL: NAME}}
    term = {"labelSelector": others, "namespaceSelector": {}, "topologyKey": "kubernetes.io/hostname"}
    wish = {"weight": 100, "podAffinityTerm": term}
    return {"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}}


def _graph_cache_volume(service: ResolvedService) -> list[Manifest]:
    cache = service.graph.cache
    return [host_path(GRAPH_CACHE_VOLUME, cache, "DirectoryOrCreate")] if cache else []


def _graph_cache_mount(service: ResolvedService) -> list[Manifest]:
    return [{"name": GRAPH_CACHE_VOLUME, "mountPath": GRAPH_CACHE_DIRECTORY}] if service.graph.cache else []
