"""Rules on volumes: their sources, claims and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Path
from models.kubernetes import formats
from models.kubernetes.network_storage import data_sources_problems
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import (
    Problem,
    duplicate,
    missing,
    not_a_choice,
    refused,
    remove,
    write,
)
from models.words import listed

_MEDIUMS = ("Memory", "HugePages")
_KUBELET = "the kubelet, pkg/volume/emptydir/empty_dir.go"
"""The source that refuses a medium. The API server accepts any text."""
_ACCESS_MODES = (
    "ReadWriteOnce",
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOncePod",
)
_LONGEST_TARGET = 64
_FILES_OF = ("secret", "configMap", "downwardAPI")
_PATH_KEYS = ("path", "credentialBundlePath", "keyPath", "certificateChainPath")
_CERTIFICATE_PATHS = _PATH_KEYS[1:]


def volume_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A volume has at most one source. Without one it is an emptyDir."""
    yield from _initiator(node)
    sources = [key for key in node.value if key != "name"]
    for key in sources[1:]:
        yield refused(
            node.at(key),
            None,
            f"must not be set together with {sources[0]}: a volume has one source",
            source=521,
            edits=remove(node.at(key)),
            others=[node.at(sources[0])],
        )


def _initiator(node: Node) -> Iterator[Problem]:
    """With an initiator name, Kubernetes joins the names of the volume and of the target's portal to one name."""
    source = node.mapping("iscsi")
    if "initiatorName" not in source:
        return
    joined_name = f"{node.text('name')}:{source.get('targetPortal', '')}"
    if len(joined_name) > _LONGEST_TARGET:
        path = node.at("iscsi", "initiatorName")
        words = f"needs a name and a targetPortal of at most {_LONGEST_TARGET} characters together"
        yield refused(path, None, words, source=576, edits=remove(path))


def empty_directory_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A directory of the pod: its size is not negative, and the kubelet knows its medium."""
    size = node.value.get("sizeLimit")
    if size is not None and (formats.quantity(size) or 0) < 0:
        path = node.at("sizeLimit")
        words = "must not be negative"
        yield refused(path, size, words, source=516, edits=remove(path))
    medium = node.text("medium")
    is_known = medium in ("", *_MEDIUMS) or medium.startswith("HugePages-")
    if not is_known:
        path = node.at("medium")
        yield not_a_choice(path, medium, _MEDIUMS, source=_KUBELET)


def projected_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The files of a projected volume have different paths."""
    first: dict[str, Path] = {}
    for index, source in enumerate(node.items("sources")):
        for path, name in _projected_files(source, node.at("sources", index)):
            if name and name in first:
                yield duplicate(path, name, first[name], source=1138)
            first.setdefault(name, path)


def _projected_files(
    source: Mapping[str, Any], path: Path
) -> Iterator[tuple[Path, str]]:
    """The paths of the files that a source of a projected volume has."""
    for key in _FILES_OF:
        for index, item in enumerate(source.get(key, {}).get("items", ())):
            yield (*path, key, "items", str(index), "path"), item.get("path", "")
    for key in ("clusterTrustBundle", "podCertificate"):
        for name in _PATH_KEYS:
            yield (*path, key, name), source.get(key, {}).get(name, "")


def trust_bundle_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A trust bundle has a name, or a signer with labels."""
    has_name = "name" in node.value
    has_signer = "signerName" in node.value
    if has_name and has_signer:
        path = node.at("signerName")
        words = "must not be set together with name"
        yield refused(path, None, words, source=1198, edits=remove(path))
    elif has_name and "labelSelector" in node.value:
        path = node.at("labelSelector")
        words = "must not be set together with name"
        yield refused(path, None, words, source=1220, edits=remove(path))
    elif not has_name and not has_signer:
        yield missing(node.at("name"), "example.com:bundle:v1", source=1237)


def certificate_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A certificate of the pod is written to a file."""
    if not any(node.text(key) for key in _CERTIFICATE_PATHS):
        words = f"must have one of {listed(_CERTIFICATE_PATHS)}"
        edits = write(node.at("credentialBundlePath"), "bundle.pem")
        yield refused(node.path, None, words, source=1313, edits=edits)


def claim_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """The claim that is created for a pod: its data source, its access modes, its size and its class."""
    yield from data_sources_problems(node, pod)
    yield from _access_modes(node)
    yield from _size(node)
    yield from _classes(node)


def _access_modes(node: Node) -> Iterator[Problem]:
    modes = node.items("accessModes")
    for index, mode in enumerate(modes):
        if mode not in _ACCESS_MODES:
            path = node.at("accessModes", index)
            yield not_a_choice(path, mode, _ACCESS_MODES, source=2402)
    if "ReadWriteOncePod" in modes and {*modes} & {*_ACCESS_MODES[:3]}:
        path = node.at("accessModes")
        words = "must not have ReadWriteOncePod together with other modes"
        edits = write(path, ["ReadWriteOncePod"])
        yield refused(path, None, words, source=2412, edits=edits)


def _size(node: Node) -> Iterator[Problem]:
    size = node.mapping("resources").get("requests", {}).get("storage")
    path = node.at("resources", "requests", "storage")
    if size is None:
        yield missing(path, "1Gi", source=2417)
    elif (formats.quantity(size) or 0) <= 0:
        words = "must be above 0"
        yield refused(path, size, words, source=2419, edits=write(path, "1Gi"))


def _classes(node: Node) -> Iterator[Problem]:
    for key in ("storageClassName", "volumeAttributesClassName"):
        name = node.text(key)
        words = formats.dns_subdomain(name) if name else ""
        if words:
            path = node.at(key)
            edits = write(path, formats.nearest_label(name))
            yield refused(path, name, words, source=2426, edits=edits)


def csi_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The Secret that a driver of volumes gets has a name."""
    reference = node.value.get("nodePublishSecretRef")
    if reference is None:
        return
    path = node.at("nodePublishSecretRef", "name")
    name = reference.get("name", "")
    words = formats.dns_subdomain(name)
    if words:
        example = formats.nearest_label(name)
        yield refused(path, name, words, source=1806, edits=write(path, example))


def flocker_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A dataset of Flocker has a name or a UUID."""
    name, uuid = node.text("datasetName"), node.text("datasetUUID")
    if bool(name) == bool(uuid) or "/" in name:
        words = "must have a datasetName without /, or a datasetUUID"
        edits = remove(node.path[:-1])
        yield refused(node.path, None, words, source=1061, edits=edits)
