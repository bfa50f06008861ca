"""Rules on the merge patch of a service's pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Finding, Mark, at, error
from models.manifests.pod_fields import OWNED_ANNOTATIONS, OWNED_ITEMS, OWNED_LABELS, OWNED_POD_FIELDS, POD_FIELDS
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.errors import nearest

_WHY = "the program writes it, and the rules judge what it is written from"


@rule
def pod_template_owned(service: ResolvedService) -> Iterator[Finding]:
    """A patch of the pods touches nothing that another key of the stack file writes.

    Only what is written by its key is judged by the rules, told by `diff` and kept by `drift`. The selector of the
    Deployment, the scheduler and the launch cannot be changed at all.
    """
    for path, owner in _touched(service):
        kept = " ".join(path).replace("spec ", "", 1)
        yield error(
            f"podTemplate touches {kept}",
            why=_WHY,
            fix=f"remove it, and write {owner}" if owner else "remove it; it follows from the program alone",
            marks=[Mark(("podTemplate", *path))],
        )


@rule
def pod_template_unknown(service: ResolvedService) -> Iterator[Finding]:
    """Every field of `podTemplate.spec` is one of a pod's, and holds what that does.

    The API server refuses all others, in the middle of an update.
    """
    for name, given in (service.pod_template.spec if service.pod_template else {}).items():
        wanted = POD_FIELDS.get(name)
        if wanted is type(given):
            continue
        near = nearest(name, POD_FIELDS)
        yield error(
            f"{name} of a pod is {_KINDS[wanted]}" if wanted else f"a pod has no field {name!r}",
            why="the API server refuses what it does not know (core/v1, PodSpec)",
            fix=f"write {'it so' if wanted else near}" if near else "remove it",
            marks=[at("podTemplate.spec", key=name)],
        )


_KINDS = {int: "a whole number", bool: "true or false", dict: "a mapping", list: "a list", str: "text"}


def _touched(service: ResolvedService) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where the patch touches what is not its own, and the key that writes it."""
    patch = service.pod_template
    if patch is None:
        return
    for part, names, owned in (
        ("labels", patch.metadata.labels, OWNED_LABELS),
        ("annotations", patch.metadata.annotations, OWNED_ANNOTATIONS),
    ):
        for name in names:
            if (owner := _owner(name, owned)) is not None:
                yield ("metadata", part, name), owner
    for name, given in patch.spec.items():
        if name in OWNED_POD_FIELDS:
            yield ("spec", name), OWNED_POD_FIELDS[name]
        elif name == "nodeSelector" and isinstance(given, dict):
            for label in given.keys() & service.cluster.platform.node_selector.keys():
                yield ("spec", name, label), "cluster.platform.nodeSelector"
        elif name in OWNED_ITEMS and isinstance(given, list):
            yield from _items(name, given, service.cluster.platform.resource)


def _items(name: str, given: list[Any], resource: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for index, item in enumerate(given):
        if (owner := _owner(str(item["name"]), OWNED_ITEMS[name])) is not None:
            yield ("spec", name, str(index), "name"), owner
        asked = item.get("resources")
        if isinstance(asked, dict) and any(resource in (asked.get(part) or ()) for part in ("requests", "limits")):
            yield ("spec", name, str(index), "resources"), "npus"


def _owner(name: str, owned: Mapping[str, str]) -> str | None:
    """The key that writes something, empty where none does, or None where it is free."""
    alike = (key for own, key in owned.items() if name == own or (own[-1] in "-/" and name.startswith(own)))
    return next(alike, None)
