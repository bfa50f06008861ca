"""Rules on the environment of containers, and on the fields of the pod that variables and files show."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.kubernetes import formats
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import (
    Problem,
    not_a_choice,
    refused,
    remove,
    write,
)

_RELAXED_SINCE = 32
"""The first minor release that accepts any printable name of a variable."""

_OF_ALL = ("metadata.name", "metadata.namespace", "metadata.uid")
_OF_VARIABLES = (
    *_OF_ALL,
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_OF_FILES = (*_OF_ALL, "metadata.annotations", "metadata.labels")
_SUBSCRIPT = re.compile(r"(?P<path>metadata\.(?:annotations|labels))\['(?P<key>.*)'\]")
_AMOUNTS = ("cpu", "memory", "ephemeral-storage")
_RESOURCES = tuple(
    f"{part}.{amount}" for part in ("limits", "requests") for amount in _AMOUNTS
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_CPU_DIVISORS = ("1m", "1")
_UNITS = ("k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DIVISORS = ("1", *(f"1{unit}" for unit in _UNITS))


def variable_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """A variable has a name, and a value or a source."""
    yield from _name(node, "name", pod, source=2696)
    if "valueFrom" in node.value and node.text("value"):
        path = node.at("value")
        yield refused(
            path,
            None,
            "must not be set together with valueFrom",
            source=2775,
            edits=remove(path),
            others=[node.at("valueFrom")],
        )


def variables_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """The prefix of variables that a ConfigMap or a Secret has."""
    yield from _name(node, "prefix", pod, source=2851)


def _name(node: Node, key: str, pod: Pod, *, source: int) -> Iterator[Problem]:
    name = node.text(key)
    check = formats.variable
    if pod.minor < _RELAXED_SINCE:
        check = formats.strict_variable
    words = check(name) if name else ""
    if words:
        path = node.at(key)
        edits = write(path, re.sub(r"[^A-Za-z0-9_]", "_", name))
        yield refused(path, name, words, source=source, edits=edits)


def field_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """A field of the pod that variables or files show."""
    path = node.at("fieldPath")
    field = node.text("fieldPath")
    version = node.value.get("apiVersion") or "v1"
    if version != "v1":
        edits = remove(node.at("apiVersion"))
        yield refused(
            node.at("apiVersion"), version, "must be v1", source=2798, edits=edits
        )
    match = _SUBSCRIPT.fullmatch(field)
    if match:
        key = match["key"]
        if match["path"] == "metadata.annotations":
            key = key.lower()
        words = formats.qualified_name(key)
        if words:
            edits = remove(node.path)
            yield refused(
                path, field, f"has a key that {words}", source=2807, edits=edits
            )
        return
    choices = _OF_VARIABLES if "env" in node.path else _OF_FILES
    if field and field not in choices:
        yield not_a_choice(path, field, choices, source=2812)


def resource_field_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """An amount of a container that variables or files show."""
    resource = node.text("resource")
    if "env" not in node.path and not node.text("containerName"):
        path = node.at("containerName")
        edits = write(path, "ascend-vllm")
        yield refused(path, None, "is missing", source=2823, edits=edits)
    is_huge_page = resource.startswith(_HUGE_PAGES)
    if resource and resource not in _RESOURCES and not is_huge_page:
        path = node.at("resource")
        yield not_a_choice(path, resource, _RESOURCES, source=2837)
    yield from _divisor(node, resource)


def _divisor(node: Node, resource: str) -> Iterator[Problem]:
    value = node.value.get("divisor")
    amount = formats.quantity(value) if value is not None else None
    if not amount:
        return
    divisors = _CPU_DIVISORS if resource.endswith(".cpu") else _DIVISORS
    is_binary = str(value).strip().endswith("i")
    accepted = [
        formats.quantity(divisor)
        for divisor in divisors
        if divisor == "1" or divisor.endswith("i") == is_binary
    ]
    if amount not in accepted:
        path = node.at("divisor")
        yield not_a_choice(path, str(value), divisors, source=2926)


def volume_of_file_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """A variable from a file is from an emptyDir of the pod."""
    name = node.text("volumeName")
    if not name:
        return
    path = node.at("volumeName")
    volume = pod.volumes.get(name)
    if volume is None:
        words = "is not a volume of the pod"
        yield refused(path, name, words, source=3894, edits=remove(node.path[:-1]))
    elif "emptyDir" not in volume:
        words = "must be a volume with emptyDir"
        yield refused(path, name, words, source=3896, edits=remove(node.path[:-1]))
