"""How the merge patch `podTemplate` is applied to the pods of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.manifests.metadata import Manifest
from models.manifests.pod_fields import OWNED_ITEMS
from models.service.resolved import ResolvedService
from models.stack_file.merge_patch import merge


def patched(template: Manifest, service: ResolvedService) -> Manifest:
    """The template of the pods with the service's patch applied."""
    patch = service.pod_template
    if patch is None:
        return template
    metadata = {
        key: value for key, value in patch.metadata.model_dump().items() if value
    }
    return with_patch(template, metadata=metadata, spec=patch.spec)


def with_patch(
    template: Manifest, *, metadata: Mapping[str, Any], spec: Mapping[str, Any]
) -> Manifest:
    """A template with a merge patch applied (RFC 7386).

    Items of named lists (containers, init containers, volumes) are appended; a merge patch would replace the list.
    """
    fields: dict[str, Any] = {}
    items: dict[str, Any] = {}
    for key, value in spec.items():
        if key in OWNED_ITEMS:
            items[key] = value
        else:
            fields[key] = value
    result: Manifest = merge(template, {"metadata": dict(metadata), "spec": fields})
    result_spec = result["spec"]
    for key in OWNED_ITEMS:
        if isinstance(items.get(key), list):
            result_spec[key] = [*result_spec.get(key, []), *items[key]]
    return result
