"""Checks a pod's template as the API server does when it creates the pod."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from models.finding import Path
from models.kubernetes.annotations import metadata_problems
from models.kubernetes.containers import container_problems, host_port_problems
from models.kubernetes.environment import (
    field_problems,
    resource_field_problems,
    variable_problems,
    variables_problems,
    volume_of_file_problems,
)
from models.kubernetes.network import (
    alias_problems,
    name_resolution_problems,
    resolver_problems,
    target_problems,
)
from models.kubernetes.network_storage import (
    azure_disk_problems,
    claim_template_problems,
    data_source_problems,
    fibre_channel_problems,
    flex_problems,
    iscsi_problems,
    quobyte_problems,
    secret_problems,
    storage_os_problems,
)
from models.kubernetes.nodes import Node, Pod, nodes_of
from models.kubernetes.problem import Problem, duplicate, refused, remove, write
from models.kubernetes.resources import amount_problems, resource_problems
from models.kubernetes.scheduling import (
    affinity_term_problems,
    label_problems,
    node_term_problems,
    repeated_spread_problems,
    selector_problems,
    spread_problems,
    toleration_problems,
)
from models.kubernetes.schema import Schema
from models.kubernetes.security import (
    app_armor_problems,
    node_namespace_problems,
    seccomp_problems,
    security_problems,
)
from models.kubernetes.single_fields import single_field_problems
from models.kubernetes.volumes import (
    certificate_problems,
    claim_problems,
    csi_problems,
    empty_directory_problems,
    flocker_problems,
    projected_problems,
    trust_bundle_problems,
    volume_problems,
)
from models.kubernetes.windows import windows_problems

_SPEC = ("spec",)
_RUNTIME_CLASS = "the admission plugin RuntimeClass of the API server"

_OF_TYPES: dict[str, Callable[[Node, Pod], Iterator[Problem]]] = {
    "AppArmorProfile": app_armor_problems,
    "AzureDiskVolumeSource": azure_disk_problems,
    "CSIVolumeSource": csi_problems,
    "CinderVolumeSource": secret_problems,
    "ClusterTrustBundleProjection": trust_bundle_problems,
    "Container": container_problems,
    "EmptyDirVolumeSource": empty_directory_problems,
    "EnvFromSource": variables_problems,
    "EnvVar": variable_problems,
    "FileKeySelector": volume_of_file_problems,
    "FCVolumeSource": fibre_channel_problems,
    "FlexVolumeSource": flex_problems,
    "FlockerVolumeSource": flocker_problems,
    "HTTPGetAction": target_problems,
    "HostAlias": alias_problems,
    "ISCSIVolumeSource": iscsi_problems,
    "LabelSelector": selector_problems,
    "NodeSelectorTerm": node_term_problems,
    "ObjectFieldSelector": field_problems,
    "PersistentVolumeClaimSpec": claim_problems,
    "PersistentVolumeClaimTemplate": claim_template_problems,
    "PodAffinityTerm": affinity_term_problems,
    "PodCertificateProjection": certificate_problems,
    "PodDNSConfig": resolver_problems,
    "ProjectedVolumeSource": projected_problems,
    "QuobyteVolumeSource": quobyte_problems,
    "ResourceFieldSelector": resource_field_problems,
    "ResourceRequirements": resource_problems,
    "SeccompProfile": seccomp_problems,
    "SecurityContext": security_problems,
    "WindowsSecurityContextOptions": windows_problems,
    "StorageOSVolumeSource": storage_os_problems,
    "TCPSocketAction": target_problems,
    "Toleration": toleration_problems,
    "TopologySpreadConstraint": spread_problems,
    "TypedLocalObjectReference": data_source_problems,
    "TypedObjectReference": data_source_problems,
    "Volume": volume_problems,
}
"""Rules on the objects of a type whose fields depend on each other."""


def template_problems(
    schema: Schema,
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    of_program: Mapping[str, int],
) -> Iterator[Problem]:
    """The parts of a template that the API server refuses, if it has the form of the schema.

    Args:
        schema: The schema of the cluster's minor release.
        metadata: Labels and annotations of the pods.
        spec: The spec of the pods, with the patch applied.
        of_program: How many items of a list are the program's, by the field. They are compared with those of the
            patch, and not checked each.
    """
    pod = Pod(
        minor=schema.minor, spec=spec, annotations=metadata.get("annotations", {})
    )
    for node in nodes_of(schema, "PodSpec", spec, _SPEC, of_program):
        yield from single_field_problems(node, pod)
        check = _OF_TYPES.get(node.type_name)
        if check:
            yield from check(node, pod)
    for check_pod in _OF_PODS:
        yield from check_pod(pod)
    yield from metadata_problems(metadata, pod)


def _repeated_names(pod: Pod) -> Iterator[Problem]:
    """The items of a list have different names. Containers and init containers share their names."""
    containers = [*_names(pod, "containers"), *_names(pod, "initContainers")]
    yield from _repeated(containers, source=3951)
    yield from _repeated(_names(pod, "volumes"), source=437)
    yield from _repeated(_names(pod, "resourceClaims"), source=3160)
    yield from _repeated(_names(pod, "schedulingGates"), source=4057)


def _names(pod: Pod, key: str) -> Iterator[tuple[Path, str]]:
    """The names of the items of a list of the pod, with their paths."""
    for index, item in enumerate(pod.spec.get(key, ())):
        yield (*_SPEC, key, str(index), "name"), item.get("name", "")


def _repeated(names: Iterable[tuple[Path, str]], *, source: int) -> Iterator[Problem]:
    first: dict[str, Path] = {}
    for path, name in names:
        if name and name in first:
            yield duplicate(path, name, first[name], source=source)
        first.setdefault(name, path)


def _node_selector(pod: Pod) -> Iterator[Problem]:
    """The labels that a node must have."""
    for key, value in pod.spec.get("nodeSelector", {}).items():
        yield from label_problems(key, value, (*_SPEC, "nodeSelector", key))


def _operating_system(pod: Pod) -> Iterator[Problem]:
    """The containers of the program have settings that Windows does not have."""
    if pod.spec.get("os", {}).get("name") == "windows":
        path: Path = (*_SPEC, "os", "name")
        words = "must be linux, because the containers have settings of Linux"
        yield refused(path, "windows", words, source=4737, edits=write(path, "linux"))


def _overhead(pod: Pod) -> Iterator[Problem]:
    """The overhead of a pod is the one of its RuntimeClass."""
    overhead = pod.spec.get("overhead", {})
    path: Path = (*_SPEC, "overhead")
    yield from amount_problems(overhead, path)
    if overhead and "runtimeClassName" not in pod.spec:
        words = "is set by the RuntimeClass, which is missing"
        yield refused(path, None, words, source=_RUNTIME_CLASS, edits=remove(path))


_OF_PODS: tuple[Callable[[Pod], Iterator[Problem]], ...] = (
    host_port_problems,
    node_namespace_problems,
    name_resolution_problems,
    repeated_spread_problems,
    _repeated_names,
    _node_selector,
    _operating_system,
    _overhead,
)
"""Rules on the pod as a whole."""
