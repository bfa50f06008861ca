"""From a resolved service to its Kubernetes objects, as plain dicts.

`render` prints them and the components register them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from models.launch.launch import launch
from models.manifests.additional import additional_objects
from models.manifests.claims import claim_objects
from models.manifests.launch_map import (
    launch_command,
    launch_map,
    launch_volume,
    launch_volume_mount,
)
from models.manifests.metadata import NOT_AWAITED, Manifest, metadata
from models.manifests.namespace import namespace
from models.manifests.node_mounts import node_mounts
from models.manifests.queue import queue_object
from models.manifests.service import service_object
from models.manifests.smoke_job import smoke_jobs
from models.manifests.workload import serving_template, workload
from models.service.resolved import ResolvedService, ResolvedStack

__all__ = ["Manifest", "service_objects", "stack_objects", "template_without_patch"]


def stack_objects(stack: ResolvedStack) -> Iterator[Manifest]:
    """All objects of a stack, in the order in which they can be applied."""
    cluster = stack.cluster
    if cluster.namespace.create:
        yield namespace(cluster)
    for name, queue in cluster.queues.items():
        if queue.create and "Queue" not in cluster.lacks:
            yield queue_object(name, queue, cluster.platform.resource)
    yield from claim_objects(stack)
    for service in stack.services:
        yield from service_objects(service)


def service_objects(service: ResolvedService) -> Iterator[Manifest]:
    """The objects of one service: launch ConfigMap, pods, Service, additional objects and the smoke Job."""
    script = launch_map(launch(service), metadata(service, NOT_AWAITED))
    pods = _pods(service, script["metadata"]["name"])
    yield script
    yield pods
    yield service_object(service)
    yield from additional_objects(service)
    yield from smoke_jobs(service, serving_template(pods))


def template_without_patch(service: ResolvedService) -> Manifest:
    """The template of the pods before `podTemplate` is applied. Its launch ConfigMap has no hash in its name."""
    plain = replace(service, pod_template=None)
    return serving_template(_pods(plain, f"{service.name}-launch"))


def _pods(service: ResolvedService, launch_map_name: str) -> Manifest:
    """The object that creates the pods of a service."""
    mounts = node_mounts(service.cluster.platform)
    return workload(
        service,
        volumes=[*mounts.volumes, launch_volume(launch_map_name)],
        volume_mounts=[*mounts.volume_mounts, launch_volume_mount()],
        command=launch_command(),
    )
