"""Rules on `podTemplate`, the merge patch of a service's pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Finding, Mark, Path, error
from models.manifests.pod_fields import (
    OWNED_ANNOTATIONS,
    OWNED_ITEMS,
    OWNED_LABELS,
    OWNED_POD_FIELDS,
)
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.keys.pod_template import PodTemplate


@rule("error")
def pod_template_owned(service: ResolvedService) -> Iterator[Finding]:
    """A patch of the pods changes nothing that the program or another key of the stack file controls.

    The rules check, `diff` shows and `drift` watches a value under its own key only. The selector of the Deployment,
    the scheduler and the launch can never be changed.
    """
    if service.pod_template is None:
        return
    for path, owner in owned_paths(service.pod_template, service):
        mark = Mark(("podTemplate", *path))
        field = mark.field
        removed = field
        if path[1] in OWNED_ITEMS and path[-1] == "name":
            removed = field.removesuffix(".name")
        message = f"{field} is controlled by the program"
        fix = f"remove {removed}"
        if owner:
            message = f"{field} is controlled by {owner}"
            fix = f"remove {removed}, and set it under {owner}"
        yield error(
            message,
            why="the rules and the comparison of changes read the value from its own key, and would miss the patch",
            fix=fix,
            marks=[mark],
        )


def owned_paths(
    patch: PodTemplate, service: ResolvedService
) -> Iterator[tuple[Path, str]]:
    """The paths of the patch that it may not change, each with the key that controls it (empty for the program)."""
    for name in patch.metadata.labels:
        yield from _owned(("metadata", "labels", name), name, OWNED_LABELS)
    for name in patch.metadata.annotations:
        yield from _owned(("metadata", "annotations", name), name, OWNED_ANNOTATIONS)
    platform = service.cluster.platform
    for name, value in patch.spec.items():
        if name in OWNED_POD_FIELDS:
            yield ("spec", name), OWNED_POD_FIELDS[name]
        elif name == "nodeSelector":
            yield from _owned_node_labels(value, platform.node_selector)
        elif name in OWNED_ITEMS and isinstance(value, list):
            yield from _owned_items(name, value, platform.resource)


def _owned_node_labels(
    selector: Any, node_labels: Mapping[str, str]
) -> Iterator[tuple[Path, str]]:
    """The labels of the platform in a patch of the node selector. `null` would remove all of them."""
    owner = "cluster.platform.nodeSelector"
    if selector is None:
        yield ("spec", "nodeSelector"), owner
    if isinstance(selector, dict):
        for label in selector.keys() & node_labels.keys():
            yield ("spec", "nodeSelector", label), owner


def _owned_items(
    key: str, items: list[Any], npu_resource: str
) -> Iterator[tuple[Path, str]]:
    """Containers and volumes under names of the program, and containers that request NPUs."""
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        path = ("spec", key, str(index))
        yield from _owned((*path, "name"), str(item.get("name")), OWNED_ITEMS[key])
        if _requests(item.get("resources"), npu_resource):
            yield (*path, "resources"), "npus"


def _requests(resources: Any, name: str) -> bool:
    if not isinstance(resources, dict):
        return False
    for part in ("requests", "limits"):
        amounts = resources.get(part)
        if isinstance(amounts, dict) and name in amounts:
            return True
    return False


def _owned(
    path: Path, name: str, owned: Mapping[str, str]
) -> Iterator[tuple[Path, str]]:
    """The path with its owner, if the name is in the table or starts with one of its prefixes."""
    for entry, owner in owned.items():
        is_prefix = entry[-1] in "-/"
        if name == entry or (is_prefix and name.startswith(entry)):
            yield path, owner
            return
