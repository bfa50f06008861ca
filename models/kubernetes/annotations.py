"""Rules on annotations of pods that Kubernetes itself reads, and on labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Path
from models.kubernetes import formats
from models.kubernetes.nodes import Pod
from models.kubernetes.problem import Problem, refused, remove
from models.kubernetes.scheduling import label_problems

_LARGEST = 256 * 1024
_ANNOTATIONS = ("metadata", "annotations")
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_OF_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_MIRROR = "kubernetes.io/config.mirror"
_TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
_PROFILES = {
    "runtime/default": "RuntimeDefault",
    "docker/default": "RuntimeDefault",
    "unconfined": "Unconfined",
}
_LOCAL = "localhost/"
_COST = re.compile(r"0|[1-9][0-9]*|-[0-9]+")
"""A deletion cost, as GetDeletionCostFromPodAnnotations in pkg/apis/core/helper/helpers.go accepts it."""
_LONGEST_COST = len(str(2**31))


def metadata_problems(metadata: Mapping[str, Any], pod: Pod) -> Iterator[Problem]:
    """The problems of the labels and annotations of the pods."""
    yield from label_and_annotation_problems(metadata, ("metadata",))
    for key, value in metadata.get("annotations", {}).items():
        yield from _annotation(key, value, pod)


def label_and_annotation_problems(
    metadata: Mapping[str, Any], path: Path
) -> Iterator[Problem]:
    """The keys and values of labels, the keys of annotations and their size together."""
    for key, value in metadata.get("labels", {}).items():
        yield from label_problems(key, value, (*path, "labels", key))
    annotations = metadata.get("annotations", {})
    size = 0
    for key, value in annotations.items():
        size += len(key.encode()) + len(value.encode())
        words = formats.qualified_name(key.lower())
        if words:
            place = (*path, "annotations", key)
            words = f"has a key that {words}"
            yield refused(place, None, words, source=132, edits=remove(place))
    if size > _LARGEST:
        place = (*path, "annotations")
        words = f"must be at most {_LARGEST} bytes together"
        yield refused(place, None, words, source=132, edits=remove(place))


def _annotation(key: str, value: str, pod: Pod) -> Iterator[Problem]:
    path: Path = (*_ANNOTATIONS, key)
    words = ""
    if key == _MIRROR:
        words = "is for static pods only"
    elif key == _TOLERATIONS and value:
        words = _not_tolerations(value)
    elif key == _DELETION_COST:
        words = _not_a_cost(value)
    elif key == _SECCOMP_OF_POD or key.startswith(_SECCOMP_OF_CONTAINER):
        words = _not_seccomp(key, value, pod)
    elif key.startswith(_APP_ARMOR):
        words = _not_app_armor(key.removeprefix(_APP_ARMOR), value, pod)
    if words:
        yield refused(path, value, words, source=171, edits=remove(path))


def _not_tolerations(value: str) -> str:
    """The annotation is JSON; the field of the spec has replaced it."""
    try:
        tolerations = json.loads(value)
    except ValueError:
        tolerations = None
    if isinstance(tolerations, list) and not tolerations:
        return ""
    return "is replaced by spec.tolerations"


def _not_a_cost(value: str) -> str:
    words = "must be a whole number of 32 bits"
    digits = value.lstrip("-0")
    if not _COST.fullmatch(value) or len(digits) > _LONGEST_COST:
        return words
    limit = 2**31 if value.startswith("-") else 2**31 - 1
    if int(digits or "0") > limit:
        return words
    return ""


def _not_seccomp(key: str, value: str, pod: Pod) -> str:
    is_local = value.startswith(_LOCAL)
    if value not in _PROFILES and not is_local:
        return "must be runtime/default, unconfined or localhost/PROFILE"
    if is_local and formats.relative_path(value.removeprefix(_LOCAL)):
        return "must name a relative path"
    profile = pod.spec.get("securityContext", {}).get("seccompProfile")
    if key != _SECCOMP_OF_POD:
        container = _containers(pod).get(key.removeprefix(_SECCOMP_OF_CONTAINER), {})
        profile = container.get("securityContext", {}).get("seccompProfile")
    return _differs(value, profile, "seccompProfile")


def _not_app_armor(container_name: str, value: str, pod: Pod) -> str:
    container = _containers(pod).get(container_name)
    if container is None:
        return f"names {container_name}, which is not a container of the pod"
    if value not in ("", "runtime/default", "unconfined") and not value.startswith(
        _LOCAL
    ):
        return "must be runtime/default, unconfined or localhost/PROFILE"
    context = container.get("securityContext", {})
    profile = context.get("appArmorProfile")
    return _differs(value, profile, "appArmorProfile")


def _differs(value: str, profile: Mapping[str, Any] | None, field: str) -> str:
    """The words for an annotation that contradicts the field that has replaced it."""
    if profile is None:
        return ""
    kind = profile.get("type", "")
    is_same = _PROFILES.get(value, "") == kind
    if kind == "Localhost":
        is_same = value == f"{_LOCAL}{profile.get('localhostProfile', '')}"
    if is_same:
        return ""
    return f"must be the {field} of securityContext, which is {kind}"


def _containers(pod: Pod) -> dict[str, Mapping[str, Any]]:
    """The containers and init containers by their names."""
    containers = [*pod.spec.get("containers", ()), *pod.spec.get("initContainers", ())]
    return {container.get("name", ""): container for container in containers}
