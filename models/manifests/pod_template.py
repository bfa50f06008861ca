"""The merge patch on the template of a service's pods: how it is applied, and what it may not touch."""

from __future__ import annotations

from typing import Any

from models.manifests.pod_fields import OWNED_ITEMS
from models.service.resolved import ResolvedService
from models.stack_file.merge_patch import merge


def patched(template: dict[str, Any], service: ResolvedService) -> dict[str, Any]:
    """The template of the pods with what the stack file adds to it: by RFC 7386, lists of named items item by item."""
    patch = service.pod_template
    if patch is None:
        return template
    about = {key: given for key, given in patch.metadata.model_dump().items() if given}
    added = {key: patch.spec[key] for key in OWNED_ITEMS if key in patch.spec}
    rest = {key: given for key, given in patch.spec.items() if key not in added}
    merged: dict[str, Any] = merge(template, {"metadata": about, "spec": rest})
    for key, items in added.items():
        merged["spec"][key] = [*merged["spec"].get(key, []), *(items if isinstance(items, list) else [])]
    return merged
