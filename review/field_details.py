"""Drifted fields in words: the name that users know, both values, and the source of the stack's value."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from models.credentials import CHANGED, masked_tree, masked_value
from models.manifests.launch_map import content_hash
from models.service.resolved import ResolvedService, ResolvedStack
from review.additional_objects import STACK_KEYS
from review.changes import NO_LONGER_SET, NOT_IN_STACK, Detail
from review.comparable import (
    WORKLOADS,
    deployment_path,
    is_in_template,
    is_of_workers,
)
from review.deployment_fields import DEPLOYMENT_FIELDS, POD_TEMPLATE_FIELDS, NamedField
from review.fields import FieldDrift
from review.leaves import leaf_name
from review.origins import field_source
from review.pod_template import patch_source_of

_TEMPLATE = "spec.template."
_CONTAINER = r"spec\.containers\[ascend-vllm\]"
_LAUNCH_MAP = "spec.volumes[node-path].configMap.name"
_PREFLIGHT = re.compile(
    rf"{re.escape(_TEMPLATE)}spec\.initContainers\[preflight(-weights)?\]\.(command|args).*"
)
"""A script and its facts, which are too long to be shown."""
_VARIABLE = re.compile(rf"{_CONTAINER}\.env\[.*")

_NAMES = (
    (re.compile(rf"{_CONTAINER}\.env\[(.+?)\].*"), r"variable \1"),
    (re.compile(rf"{_CONTAINER}\.(.+)"), r"\1"),
    (re.compile(r"spec\.containers\[([^\]]+)\]"), r"container \1"),
    (re.compile(r"spec\.initContainers\[([^\]]+)\]"), r"init container \1"),
    (re.compile(re.escape(_LAUNCH_MAP)), "launch map"),
    (re.compile(r"metadata\.labels\.(.+)"), r"label \1"),
    (re.compile(r"metadata\.annotations\.(.+)"), r"annotation \1"),
    (re.compile(r"data\.(.+)"), r"file \1"),
    (re.compile(r"spec\.(.+)"), r"\1"),
)
"""Pattern of a path and its short name. The first match counts."""

_CONSTANT = re.compile(
    r".*Probe\.(?:periodSeconds|timeoutSeconds)|.*\.(?:readiness|liveness)Probe\.failureThreshold"
)
"""Paths whose values the program sets for every service."""


def field_detail(
    stack: ResolvedStack,
    service: str,
    kind: str,
    field: FieldDrift,
) -> Detail:
    """A drifted field as a detail: the change from the value in the cluster to the value of the stack."""
    path = deployment_path(field.path).removeprefix(_TEMPLATE)
    in_template = kind in WORKLOADS and is_in_template(field.path)
    known: NamedField | None = None
    if kind in WORKLOADS:
        known = _named_field(path, in_template=in_template)
    live = _value_text(field, field.live)
    wanted = _value_text(field, field.wanted)
    if live is not None and live == wanted and field.live != field.wanted:
        wanted = CHANGED
    return Detail(
        part=_part(kind, path, known, in_template=in_template),
        name=_field_name(field.path),
        old=live,
        new=wanted,
        because=_because(stack, service, kind, field=field, known=known),
        restarts=in_template,
        is_reference=_is_reference(field),
    )


def _named_field(path: str, *, in_template: bool) -> NamedField | None:
    fields: Sequence[NamedField] = DEPLOYMENT_FIELDS
    if in_template:
        fields = POD_TEMPLATE_FIELDS
    for field in fields:
        if re.fullmatch(field.pattern, path):
            return field
    return None


def _field_name(path: str) -> str:
    """The name of a field that users know: `image`, `variable HF_HOME`, `label team of the pods`."""
    name = _name_in_deployment(deployment_path(path))
    if is_of_workers(path):
        return f"{name} of the workers"
    return name


def _name_in_deployment(path: str) -> str:
    inner_path = path.removeprefix(_TEMPLATE)
    for pattern, name in _NAMES:
        if not pattern.fullmatch(inner_path):
            continue
        short_name = pattern.sub(name, inner_path)
        if inner_path != path and inner_path.startswith("metadata."):
            return f"{short_name} of the pods"
        return short_name
    return inner_path


def _value_text(field: FieldDrift, value: Any) -> str | None:
    """A value as text without credentials. None: the field does not exist."""
    if value is None:
        return None
    if _PREFLIGHT.fullmatch(deployment_path(field.path)):
        return f"sha256 {content_hash({field.path: json.dumps(value)})}"
    name_of_credential = leaf_name(field.path)
    if _is_reference(field):
        name_of_credential = ""  # The names of a Secret and of its key are shown.
    value = _main_value(_field_name(field.path), value)
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, str):
        return masked_value(name_of_credential, value)
    masked = masked_tree(value, name_of_credential)
    return json.dumps(masked, ensure_ascii=False)


def _is_reference(field: FieldDrift) -> bool:
    """Whether a field refers to a key of a Secret or ConfigMap, so that it never contains the key's value."""
    if ".valueFrom." in field.path:
        return True
    values = [value for value in (field.live, field.wanted) if value is not None]
    return all(_is_reference_only(value) for value in values)


def _is_reference_only(value: Any) -> bool:
    return isinstance(value, dict) and "valueFrom" in value and "value" not in value


def _main_value(name: str, value: Any) -> Any:
    """The value of a whole variable, and the image of a whole container. Other values are returned unchanged."""
    if not isinstance(value, dict):
        return value
    if name.startswith("variable "):
        return value.get("value", value.get("valueFrom", value))
    if name.startswith(("container ", "init container ")):
        return value.get("image")
    return value


def _part(
    kind: str,
    path: str,
    known: NamedField | None,
    *,
    in_template: bool,
) -> str:
    if kind not in WORKLOADS:
        return kind
    if path == _LAUNCH_MAP:
        return "launch"
    if _VARIABLE.fullmatch(path):
        return "environment"
    if known:
        return known.part
    if in_template:
        return "pod"
    return kind


def _because(
    stack: ResolvedStack,
    service_name: str,
    kind: str,
    *,
    field: FieldDrift,
    known: NamedField | None,
) -> str:
    if field.wanted is None:
        return _reason_of_removal(field)
    service = stack.service(service_name)
    if service is None:
        return "the program"
    source = _object_field_source(stack, service, kind, path=field.path)
    if source:
        return source
    if known is None or _CONSTANT.fullmatch(field.path):
        return "the program"
    if known.because:
        return known.because
    return field_source(stack, service, known.stack_field or known.name)


def _reason_of_removal(field: FieldDrift) -> str:
    if field.by and field.by.is_ours:
        return NO_LONGER_SET
    return NOT_IN_STACK


def _object_field_source(
    stack: ResolvedStack,
    service: ResolvedService,
    kind: str,
    *,
    path: str,
) -> str | None:
    """The source of a field of a Service, of an additional object, or of `podTemplate`."""
    if kind in STACK_KEYS:
        return field_source(stack, service, STACK_KEYS[kind])
    if kind in WORKLOADS and is_in_template(path):
        inner_path = deployment_path(path).removeprefix(_TEMPLATE)
        return patch_source_of(stack, service, inner_path)
    if kind == "Service" and ".ports[" in path:
        return field_source(stack, service, "server.port")
    if kind == "Service" and path == "spec.type":
        return field_source(stack, service, "expose.type")
    if kind == "Service" and path.startswith("metadata.annotations."):
        return field_source(stack, service, "expose.annotations")
    return None
