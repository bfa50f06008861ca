"""Rules on directories of the node that `podTemplate` mounts.

A volume can be the patch's own, or one of the program that an added container mounts, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.catalog.node_directories import (
    is_socket,
    normal_path,
    overlap_text,
    protected_directory,
    secret_directory,
)
from models.finding import Finding, warning
from models.manifests.node_mounts import node_mounts
from models.manifests.pod import graph_cache_volume
from models.manifests.weights import weight_volumes
from models.rules.pods.added_parts import (
    Part,
    added_containers,
    added_volumes,
    container_keys,
    mounts_by_volume,
    spec_keys,
    volume_removal,
)
from models.rules.registry import right_rule
from models.service.resolved import ResolvedService

_SOCKET_DIRECTORIES = ("/run", "/var/run")
"""Directories in which container runtimes keep their sockets."""

_BASELINE = "Pod Security baseline forbids it (HostPath Volumes)"


@right_rule(*spec_keys("volumes.hostPath"))
def host_path(service: ResolvedService) -> Iterator[Finding]:
    """Pods mount only those directories of the node that keys of the stack file name.

    A hostPath volume of `podTemplate` outlives its pod and is shared with other pods of the node. Pod Security
    `baseline` forbids it (HostPath Volumes). This rule is about directories that added containers only read; see
    `writable-host-path`, `sensitive-host-path` and `runtime-socket` for others.
    """
    written = {mount.text("name") for _, mount, _ in _writable_mounts(service)}
    mounts = mounts_by_volume(service)
    for volume, path in _host_paths(service):
        if volume.name in written or _is_runtime_socket(volume, path):
            continue
        if secret_directory(path):
            continue
        yield warning(
            f"the volume {volume.name} is {path} of the node",
            why=f"its files are the node's and outlive the pod; {_BASELINE}",
            fix=volume_removal(volume, mounts),
            marks=[volume.part("hostPath").mark("path")],
        )


@right_rule(*container_keys("volumeMounts.readOnly"))
def writable_host_path(service: ResolvedService) -> Iterator[Finding]:
    """No added container writes to a directory of the node.

    This includes the volumes of the program: the server mounts the driver and the weights read-only, and an added
    container could change them for all pods of the node. Mount them with `readOnly: true`.
    """
    for container, mount, path in _writable_mounts(service):
        why = "its files are the node's, and other pods and the node itself use them"
        protected = protected_directory(path)
        if protected:
            why = f"{normal_path(path)} {overlap_text(path, protected)}"
        yield warning(
            f"the container {container.name} can write to {path} of the node",
            why=why,
            fix=f"write {'.'.join(mount.path)}.readOnly: true",
            marks=[mount.mark("readOnly")],
        )


@right_rule(*container_keys("volumeMounts.readOnly"))
def writable_weights(service: ResolvedService) -> Iterator[Finding]:
    """No added container writes to the claim with the weights.

    All pods of the service load the files of this claim, and other services may share it. The server mounts it
    read-only. For weights on a node, see `writable-host-path`.
    """
    volumes = _claim_volumes(service)
    for container in added_containers(service):
        for mount in container.parts("volumeMounts"):
            claim = volumes.get(mount.text("name"))
            if claim is None or mount.get("readOnly") is True:
                continue
            yield warning(
                f"the container {container.name} can write to the claim {claim} with the weights",
                why="all pods of the service load these files, also after this pod has ended",
                fix=f"write {'.'.join(mount.path)}.readOnly: true",
                marks=[mount.mark("readOnly")],
            )


@right_rule(*spec_keys("volumes.hostPath"))
def sensitive_host_path(service: ResolvedService) -> Iterator[Finding]:
    """No hostPath volume of `podTemplate` shows secrets of the node.

    Examples are `/etc/kubernetes`, `/var/lib/kubelet`, `/root/.ssh`, `/proc`, and a directory that contains one of
    them. Whoever reads them controls the node or the cluster. This is a warning, because agents for monitoring read
    such directories; for the weights and caches of the stack file it is an error (`node-directory`).
    """
    mounts = mounts_by_volume(service)
    for volume, path in _host_paths(service):
        secret = secret_directory(path)
        if secret is None or _is_runtime_socket(volume, path):
            continue
        yield warning(
            f"the volume {volume.name} shows {path} of the node",
            why=f"{normal_path(path)} {overlap_text(path, secret)}",
            fix=volume_removal(volume, mounts),
            marks=[volume.part("hostPath").mark("path")],
        )


@right_rule(*spec_keys("volumes.hostPath"))
def runtime_socket(service: ResolvedService) -> Iterator[Finding]:
    """No added container reaches the socket of a container runtime.

    Whoever reaches it starts a privileged container and is root of the node, even through a read-only mount (Docker,
    Docker daemon attack surface).
    """
    mounts = mounts_by_volume(service)
    for volume, path in _host_paths(service):
        if _is_runtime_socket(volume, path):
            yield warning(
                f"the volume {volume.name} gives the pod the socket {path} of the node",
                why="whoever reaches the socket of a container runtime is root of the node, also with readOnly",
                fix=volume_removal(volume, mounts),
                marks=[volume.part("hostPath").mark("path")],
            )


def _host_paths(service: ResolvedService) -> Iterator[tuple[Part, str]]:
    """The added hostPath volumes, each with its path."""
    for volume in added_volumes(service):
        path = volume.part("hostPath").text("path")
        if path:
            yield volume, path


def _is_runtime_socket(volume: Part, path: str) -> bool:
    place = normal_path(path)
    if is_socket(path) or place in _SOCKET_DIRECTORIES:
        return True
    return volume.part("hostPath").text("type") == "Socket"


def _paths_by_volume(service: ResolvedService) -> Mapping[str, str]:
    """The directories of the node by the name of their volume: those of the patch and those of the program."""
    paths = {}
    own_volumes = [
        *node_mounts(service.cluster.platform).volumes,
        *weight_volumes(service),
        *graph_cache_volume(service),
    ]
    for own_volume in own_volumes:
        if "hostPath" in own_volume:
            paths[own_volume["name"]] = own_volume["hostPath"]["path"]
    for volume, path in _host_paths(service):
        paths[volume.name] = path
    return paths


def _claim_volumes(service: ResolvedService) -> Mapping[str, str]:
    """The volumes through which a pod can write to the claim with the weights, each with the name of the claim."""
    weights = ""
    claims = {}
    for own_volume in weight_volumes(service):
        claim = own_volume.get("persistentVolumeClaim")
        if claim:
            weights = claim["claimName"]
            if not claim.get("readOnly"):
                claims[own_volume["name"]] = weights
    for volume in added_volumes(service):
        added = volume.part("persistentVolumeClaim")
        is_weights = weights != "" and added.text("claimName") == weights
        if is_weights and added.get("readOnly") is not True:
            claims[volume.name] = weights
    return claims


def _writable_mounts(
    service: ResolvedService,
) -> Iterator[tuple[Part, Part, str]]:
    """The mounts with which added containers can write to the node, each with its container and its directory.

    A socket has a separate rule, and `readOnly` does not limit it.
    """
    containers = list(added_containers(service))
    if not containers:
        return
    paths = dict(_paths_by_volume(service))
    for volume, path in _host_paths(service):
        if _is_runtime_socket(volume, path):
            del paths[volume.name]
    for container in containers:
        for mount in container.parts("volumeMounts"):
            path_of_mount = paths.get(mount.text("name"))
            if path_of_mount is not None and mount.get("readOnly") is not True:
                yield container, mount, path_of_mount
