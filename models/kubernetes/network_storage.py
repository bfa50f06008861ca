"""Rules on volumes of storage systems, and on what a claim is filled from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.kubernetes import formats
from models.kubernetes.annotations import label_and_annotation_problems
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import Problem, missing, refused, remove, write

_INITIATORS = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+"),
    "eui": re.compile(r"eui.[A-Za-z0-9]{16}"),
    "naa": re.compile(r"naa.[A-Za-z0-9]{32}"),
}
_EXAMPLE = "iqn.2026-01.com.example:disk"
_RESERVED = (".kubernetes.io", ".k8s.io")
_CLAIM = "PersistentVolumeClaim"
_DISK_PREFIXES = {
    "Managed": "/subscriptions/",
    "Shared": "https://",
    "Dedicated": "https://",
}


def iscsi_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The names of the target and of the initiator, and the Secret of CHAP."""
    target = node.value.get("iqn")
    if target:
        yield from _iscsi_name(node, "iqn", source=808)
    initiator = node.value.get("initiatorName")
    if initiator is not None:
        yield from _iscsi_name(node, "initiatorName", source=827)
    uses_chap = node.value.get("chapAuthDiscovery") or node.value.get("chapAuthSession")
    if uses_chap and "secretRef" not in node.value:
        yield missing(node.at("secretRef"), {"name": "chap"}, source=819)


def _iscsi_name(node: Node, key: str, *, source: int) -> Iterator[Problem]:
    name = node.text(key)
    form = _INITIATORS.get(name[:3])
    if form is None or not form.fullmatch(name):
        path = node.at(key)
        words = "must be a name that begins with iqn., eui. or naa."
        edits = write(path, _EXAMPLE)
        yield refused(path, name, words, source=source, edits=edits)


def fibre_channel_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A disk has a target with a LUN, or a WWID."""
    has_targets = bool(node.items("targetWWNs"))
    has_names = bool(node.items("wwids"))
    if has_targets == has_names:
        path = node.at("targetWWNs")
        words = "must be set, or wwids, but not both"
        edits = write(node.at("wwids"), ["0"])
        if has_targets:
            edits = remove(path)
        yield refused(path, None, words, source=889, edits=edits)
    if has_targets:
        yield from _lun(node)


def _lun(node: Node) -> Iterator[Problem]:
    path = node.at("lun")
    lun = node.value.get("lun")
    if lun is None:
        yield missing(path, 0, source=898)
    elif not 0 <= lun <= 255:
        words = "must be 0 to 255"
        yield refused(path, lun, words, source=901, edits=write(path, 0))


def flex_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """Options have no names of Kubernetes itself."""
    for name in node.mapping("options"):
        domain = "." + name.partition("/")[0].lower()
        if domain.endswith(_RESERVED):
            path = node.at("options", name)
            words = "has a reserved name"
            yield refused(path, None, words, source=1538, edits=remove(path))


def azure_disk_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The address of a disk has the form of its kind."""
    address = node.text("diskURI")
    kind = node.text("kind") or "Shared"  # the API server's default
    prefix = _DISK_PREFIXES.get(kind, "")
    if address and not address.startswith(prefix):
        path = node.at("diskURI")
        words = f"must begin with {prefix}, because kind is {kind}"
        edits = write(path, f"{prefix}{address}")
        yield refused(path, address, words, source=1626, edits=edits)


def storage_os_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A volume of StorageOS has a name, and maybe a namespace."""
    yield from _label(node, "volumeName", source=1704, is_required=True)
    yield from _label(node, "volumeNamespace", source=1707, is_required=False)
    yield from secret_problems(node, _pod)


def _label(
    node: Node, key: str, *, source: int, is_required: bool
) -> Iterator[Problem]:
    name = node.text(key)
    path = node.at(key)
    if not name:
        if is_required:
            yield missing(path, "data", source=source)
        return
    words = formats.dns_label(name)
    if words:
        edits = write(path, formats.nearest_label(name))
        yield refused(path, name, words, source=source, edits=edits)


def secret_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A Secret of a storage system has a name."""
    reference = node.value.get("secretRef")
    if reference is not None and not reference.get("name"):
        yield missing(node.at("secretRef", "name"), "storage", source=1486)


def quobyte_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The registry of Quobyte is a list of addresses with ports."""
    registry = node.text("registry")
    hosts = registry.split(",") if registry else []
    if any(":" not in host.strip("[]") for host in hosts):
        path = node.at("registry")
        words = "must be addresses with ports, separated by commas"
        edits = write(path, "registry.example.com:7861")
        yield refused(path, registry, words, source=1015, edits=edits)


def data_source_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The data source of a claim: another claim, or an object of an API group."""
    group = node.text("apiGroup")
    for key, example in (("kind", _CLAIM), ("name", "data")):
        if not node.text(key):
            yield missing(node.at(key), example, source=2333)
    if not group and node.text("kind") not in ("", _CLAIM):
        path = node.at("kind")
        words = f"must be {_CLAIM}, because apiGroup is empty"
        edits = write(path, _CLAIM)
        yield refused(path, node.text("kind"), words, source=2343, edits=edits)
    words = formats.dns_subdomain(group) if group else ""
    if words:
        path = node.at("apiGroup")
        yield refused(path, group, words, source=2347, edits=remove(path))
    namespace = node.text("namespace")
    words = formats.dns_label(namespace) if namespace else ""
    if words:
        path = node.at("namespace")
        yield refused(path, namespace, words, source=2379, edits=remove(path))


def data_sources_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The two fields of a claim for its content are equal."""
    old, new = node.value.get("dataSource"), node.value.get("dataSourceRef")
    if old is None or new is None:
        return
    path = node.at("dataSource")
    plain = {key: value for key, value in new.items() if key != "namespace"}
    if new.get("namespace") or old != plain:
        words = "must not be set together with dataSourceRef"
        yield refused(
            path,
            None,
            words,
            source=2447,
            edits=remove(path),
            others=[node.at("dataSourceRef")],
        )


def claim_template_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """The metadata of a claim that is created for a pod: labels and annotations only."""
    metadata = node.mapping("metadata")
    for key, value in metadata.items():
        is_set = value not in ("", 0, [])
        if key not in ("labels", "annotations") and is_set:
            path = node.at("metadata", key)
            words = "must not be set"
            yield refused(path, None, words, source=1841, edits=remove(path))
    yield from label_and_annotation_problems(metadata, node.at("metadata"))
