"""Fields of objects in words: what people call them, their values, and where the stack's value comes from."""

from __future__ import annotations

import json
import re
from typing import Any

from models.credentials import CHANGED, masked_tree, masked_value
from models.service.resolved import ResolvedService, ResolvedStack
from review.additional_objects import KEYS, patch_source_of
from review.fields import FieldDrift
from review.leaves import leaf_name
from review.origins import field_source
from review.record import NOT_GIVEN, NOT_OURS, Detail
from review.words import POD, REST, Word

_TEMPLATE = "spec.template."
_NAMES = (
    (re.compile(r"spec\.containers\[ascend-vllm\]\.env\[(.+?)\].*"), r"variable \1"),
    (re.compile(r"spec\.containers\[ascend-vllm\]\.(.+)"), r"\1"),
    (re.compile(r"spec\.containers\[([^\]]+)\]"), r"container \1"),
    (re.compile(r"spec\.initContainers\[([^\]]+)\]"), r"init container \1"),
    (re.compile(r"spec\.volumes\[node-path\]\.configMap\.name"), "launch map"),
    (re.compile(r"metadata\.labels\.(.+)"), r"label \1"),
    (re.compile(r"metadata\.annotations\.(.+)"), r"annotation \1"),
    (re.compile(r"data\.(.+)"), r"file \1"),
    (re.compile(r"spec\.(.+)"), r"\1"),
)
"""How paths are shortened; the first that fits."""

_FIXED = re.compile(r".*Probe\.(?:periodSeconds|timeoutSeconds)|.*\.(?:readiness|liveness)Probe\.failureThreshold")
"""What the program gives whatever the stack says."""

_PARTS = ((re.compile(r"spec\.containers\[ascend-vllm\]\.env\[.*"), "environment"),)


def field_detail(stack: ResolvedStack, service: str, kind: str, field: FieldDrift) -> Detail:
    """A field as `diff` tells changes: from what is in the cluster to what the stack gives."""
    inner = field.path.removeprefix(_TEMPLATE)
    restarts = kind == "Deployment" and inner != field.path
    word = _word(inner, in_template=restarts) if kind == "Deployment" else None
    name = field_name(field.path)
    live, wanted = shown(field, field.live), shown(field, field.wanted)
    if live is not None and live == wanted and field.live != field.wanted:
        wanted = CHANGED
    return Detail(
        _part(kind, inner, word, in_template=restarts),
        name,
        live,
        wanted,
        _because(stack, service, kind, field, word),
        restarts,
        is_reference=_is_reference(field),
    )


def field_name(path: str) -> str:
    """What people call a field: `image`, `variable HF_HOME`, `label team of the pods`."""
    inner = path.removeprefix(_TEMPLATE)
    for pattern, name in _NAMES:
        if pattern.fullmatch(inner):
            short = pattern.sub(name, inner)
            return f"{short} of the pods" if inner != path and inner.startswith("metadata.") else short
    return inner


def shown(field: FieldDrift, value: Any) -> str | None:
    """A value of a field as a text without credentials; None if the field does not exist."""
    if value is None:
        return None
    name = field_name(field.path)
    credential = "" if _is_reference(field) else leaf_name(field.path)
    if isinstance(value, dict):
        value = value.get("value", value.get("valueFrom", value)) if name.startswith("variable ") else value
        whole = name.startswith(("container ", "init container ")) and isinstance(value, dict)
        value = value.get("image") if whole else value
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, str):
        return masked_value(credential, value)
    return json.dumps(masked_tree(value, credential), ensure_ascii=False)


def _is_reference(field: FieldDrift) -> bool:
    """Whether a field names a key of a Secret or of a ConfigMap, so that it never holds the key's value."""
    if ".valueFrom." in field.path:
        return True
    values = [value for value in (field.live, field.wanted) if value is not None]
    return all(isinstance(value, dict) and "valueFrom" in value and "value" not in value for value in values)


def _word(inner: str, *, in_template: bool) -> Word | None:
    words = POD if in_template else REST
    return next((word for word in words if re.fullmatch(word.pattern, inner)), None)


def _part(kind: str, inner: str, word: Word | None, *, in_template: bool) -> str:
    if kind != "Deployment":
        return kind
    if inner == "spec.volumes[node-path].configMap.name":
        return "launch"
    own = next((part for pattern, part in _PARTS if pattern.fullmatch(inner)), None)
    return own or (word.part if word else "pod" if in_template else kind)


def _because(stack: ResolvedStack, service: str, kind: str, field: FieldDrift, word: Word | None) -> str:
    if field.wanted is None:
        return NOT_GIVEN if field.by and field.by.is_ours else NOT_OURS
    resolved = stack.service(service)
    if resolved and kind == "Service" and ".ports[" in field.path:
        return field_source(stack, resolved, "server.port")
    if resolved and (place := _beside(stack, resolved, kind, field.path)):
        return place
    if word is None or resolved is None or _FIXED.fullmatch(field.path):
        return "the program"
    return word.because or field_source(stack, resolved, word.field or word.name)


def _beside(stack: ResolvedStack, service: ResolvedService, kind: str, path: str) -> str | None:
    """Where something that stands beside the pods comes from, or what is patched into their template."""
    if kind in KEYS:
        return field_source(stack, service, KEYS[kind])
    if kind == "Deployment" and path.startswith(_TEMPLATE):
        return patch_source_of(stack, service, path.removeprefix(_TEMPLATE))
    if kind == "Service" and path.startswith(("spec.type", "metadata.annotations.")):
        return field_source(stack, service, "expose.type" if path == "spec.type" else "expose.annotations")
    return None
