"""The Deployment of a service: the manual's pod of Step 2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from models.budget import grace_period, progress_deadline
from models.launch import DRAIN, GRAPH_CACHE_DIRECTORY, LAUNCH_DIRECTORY
from models.manifests.init_containers import init_containers, mind_speed_mounts, mind_speed_volumes
from models.manifests.metadata import NAME, NAME_LABEL, NOT_AWAITED, Manifest, labels, metadata, selector
from models.manifests.node_mounts import host_path, read_only
from models.manifests.probes import probes
from models.manifests.resources import container_resources, shared_memory_mount, shared_memory_volume
from models.resolve import ResolvedService
from models.server import SecretKey

CONTAINER = "ascend-vllm"
"""Name of the server's container, the manual's example."""

MODEL_VOLUME = "model-path"
"""Name of the weights' volume, the manual's."""

DRAFT_VOLUME = "draft-model-path"
"""Name of the draft model's volume."""

GRAPH_CACHE_VOLUME = "graph-cache"
"""Name of the volume with compiled graphs."""

MIN_MEMBER = "scheduling.volcano.sh/group-min-member"
"""Annotation of the Deployment that Volcano 1.14 reads a gang's size from (pkg/controllers/podgroup/
pg_controller_handler.go:273)."""

QUEUE_NAME = "scheduling.volcano.sh/queue-name"
"""Annotation of the pod that Volcano 1.14 reads the queue from (pkg/controllers/podgroup/
pg_controller_handler.go:400)."""


def deployment(
    service: ResolvedService,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The Deployment.

    The annotation keeps Pulumi's provider from waiting for its pods: the program does, and says why they are not ready.

    Args:
        service: The service.
        volumes: The pod's volumes beside the weights: what the node keeps, and the launch script.
        volume_mounts: Where the container sees them.
        command: `command` and `args` of the container.
    """
    mounts = [*volume_mounts, *mind_speed_mounts(service), *_weight_mounts(service)]
    prepared = [*init_containers(service, mounts)]
    queue = {"annotations": {QUEUE_NAME: service.queue}} if service.queue else {}
    template = {
        "metadata": {"labels": labels(service), **queue},
        "spec": {
            "schedulerName": "volcano",
            **({"priorityClassName": service.priority_class} if service.priority_class else {}),
            "nodeSelector": dict(service.cluster.platform.node_selector),
            **_beside_others(service),
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": grace_period(service),
            **({"initContainers": prepared} if prepared else {}),
            "containers": [_container(service, mounts, command)],
            "volumes": [
                *volumes,
                *mind_speed_volumes(service),
                shared_memory_volume(service),
                *_graph_cache_volume(service),
                *(host_path(name, path, "Directory") for name, path in weights(service).items()),
            ],
        },
    }
    gang = {MIN_MEMBER: str(service.min_member)} if service.min_member > 1 else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service, {**NOT_AWAITED, **gang}),
        "spec": {
            "replicas": service.replicas,
            "strategy": strategy(service),
            "progressDeadlineSeconds": progress_deadline(service),
            "selector": {"matchLabels": selector(service)},
            "template": template,
        },
    }


def strategy(service: ResolvedService) -> Manifest:
    """How the Deployment replaces its pods."""
    if service.rollout.kind == "recreate":
        return {"type": "Recreate"}
    numbers = {"maxSurge": service.rollout.max_surge, "maxUnavailable": service.rollout.max_unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": numbers}


def weights(service: ResolvedService) -> dict[str, str]:
    """The directories of weights that the container sees under the node's path, by volume: the model's, the draft
    model's and the adapters'; one that lies below another comes with it, unless it is written to."""
    wanted = {MODEL_VOLUME: service.model.source}
    guess, written = service.speculative, None
    if guess and guess.source:
        wanted[DRAFT_VOLUME] = guess.source
        written = guess.source if guess.convert else None
    for number, path in enumerate(service.lora.adapters.values() if service.lora else (), 1):
        wanted[f"lora-path-{number}"] = path
    mounted: dict[str, str] = {}
    for name, path in wanted.items():
        if (name == DRAFT_VOLUME and path == written) or not any(
            PurePosixPath(path).is_relative_to(above) for above in mounted.values()
        ):
            mounted[name] = path
    return mounted


def _container(
    service: ResolvedService, volume_mounts: Iterable[Mapping[str, Any]], command: Mapping[str, Any]
) -> Manifest:
    variables = [from_secret("VLLM_API_KEY", service.server.api_key)] if service.server.api_key else []
    return {
        "name": CONTAINER,
        "image": service.image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"runAsUser": 0},
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


def _weight_mounts(service: ResolvedService) -> list[Manifest]:
    return [read_only(name, path) for name, path in weights(service).items()]


def from_secret(name: str, source: SecretKey) -> Manifest:
    """An environment variable whose value is in a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": source.secret, "key": source.key}}}
