"""The edits that write a service's keys in the form of the stack file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic.fields import FieldInfo

from models.credentials import holds_hidden, is_harmless
from models.engines.flags import plain_name
from models.finding import Finding
from models.record import Record
from models.stack_file.errors.annotations import item_of
from models.stack_file.errors.other_forms import engine, kubernetes
from models.stack_file.errors.other_forms.arguments import arguments, kv_transfer
from models.stack_file.errors.other_forms.model import model
from models.stack_file.errors.other_forms.words import (
    Edits,
    Service,
    without_references,
)
from models.stack_file.errors.place import (
    dotted,
    field_at,
    fields_of,
    in_one_line,
    value_at,
)
from models.stack_file.errors.value_edits import is_accepted, nearest_accepted
from models.yaml_scalar import as_yaml

Form = Callable[[Any, Service], Edits | None]
"""The edits for a value as the user wrote it; None if it has no other form."""


def _nothing(_value: Any, _service: Service) -> Edits:
    """No key of a service sets it: it is removed."""
    return {}


_FORMS: Mapping[str, Form] = {
    "disruptionBudget": kubernetes.disruption_budget,
    "drain": kubernetes.drain,
    "env": kubernetes.env,
    "expose": kubernetes.expose,
    "graph": engine.graph,
    "image": kubernetes.image,
    "lora": engine.lora,
    "model": model,
    "monitoring": kubernetes.monitoring,
    "multimodal": engine.multimodal,
    "podTemplate": kubernetes.pod_template,
    "priority": kubernetes.priority,
    "pullSecrets": kubernetes.pull_secrets,
    "quantization": engine.quantization,
    "resources": kubernetes.resources,
    "rollout": kubernetes.rollout,
    "speculative": engine.speculative,
    "visibleDevices": kubernetes.visible_devices,
}
"""The readers of other forms, by the key of the service."""

_KEYS: Mapping[str, Form] = {
    "aclgraph": engine.graph,
    "args": arguments,
    "autoscaling": kubernetes.autoscaling,
    "command": _nothing,
    "containerport": _nothing,
    "cudagraph": engine.graph,
    "cudagraphcapturesizes": engine.capture_sizes,
    "cudagraphmode": engine.graph,
    "draintimeout": kubernetes.drain,
    "eager": lambda value, service: engine.graph({"enforceEager": value}, service),
    "enablelora": _nothing,
    "environment": kubernetes.env,
    "engineargs": arguments,
    "envs": kubernetes.env,
    "envvars": kubernetes.env,
    "extraenv": kubernetes.env,
    "fsgroup": _nothing,
    "graceperiod": kubernetes.drain,
    "graphmode": engine.graph,
    "extraargs": arguments,
    "imagepullsecrets": kubernetes.pull_secrets,
    "kvtransfer": kv_transfer,
    "kvtransferconfig": kv_transfer,
    "limitmmperprompt": engine.multimodal,
    "limits": kubernetes.limits,
    "livenessprobe": _nothing,
    "loramodules": engine.lora,
    "loras": engine.lora,
    "modelpath": lambda value, service: model({"path": value}, service),
    "name": _nothing,
    "metrics": kubernetes.monitoring,
    "networkpolicy": _nothing,
    "node": _nothing,
    "podmonitor": kubernetes.monitoring,
    "prometheus": kubernetes.monitoring,
    "quant": engine.quantization,
    "quantize": engine.quantization,
    "quantizationmethod": engine.quantization,
    "readinessprobe": _nothing,
    "requests": kubernetes.limits,
    "resourcename": _nothing,
    "securitycontext": kubernetes.security_context,
    "service": kubernetes.expose,
    "servicemonitor": kubernetes.monitoring,
    "servicetype": kubernetes.expose,
    "spec": _nothing,
    "speculativeconfig": engine.speculative,
    "speculativedecoding": engine.speculative,
    "startupprobe": _nothing,
    "strategy": kubernetes.rollout,
    "terminationgraceperiod": kubernetes.drain,
    "terminationgraceperiodseconds": kubernetes.drain,
    "updatestrategy": kubernetes.rollout,
    "vllm": arguments,
    "vllmargs": arguments,
    "vllmconfig": arguments,
}
"""The readers of keys that the stack file does not have, by their plain names."""

_NOTES: Mapping[str, str] = {
    "hostnetwork": "cluster.hostNetwork turns it on for groups of pods",
    "kvtransfer": "the stack's own key ascend-vllm:kvTransfer names both services of a pair",
    "kvtransferconfig": "the stack's own key ascend-vllm:kvTransfer names both services of a pair",
    "livenessprobe": "the probes follow from startup",
    "name": "the key above is the name of the service",
    "networkpolicy": "network admits clients",
    "readinessprobe": "the probes follow from startup",
    "resourcename": "the resource follows from cluster.platform",
    "startupprobe": "the probes follow from startup",
}
"""Where a setting is, whose key is removed."""

_MIXED = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{8,}")
"""Letters and digits without a separator, as in a password and a key."""

_KNOWN_INSIDE = ("extraargs", "name")
"""Keys that mean something else inside of these mappings."""

_INSIDE = ("engine", "server")
"""Mappings of a service in which users write keys of the service."""


def with_other_forms(
    service: Any, findings: Sequence[Finding], record: type[Record]
) -> list[Finding]:
    """The findings about a service, with the edits that keep values in another form.

    One edit writes the whole key, so the findings about its parts become one.

    Args:
        service: The service as the user wrote it.
        findings: The findings about its shape.
        record: The record of a service.
    """
    if not isinstance(service, dict):
        return list(findings)
    result: list[Finding] = []
    joined: dict[str, int] = {}
    for finding in findings:
        edit = _edit(finding.marks[0].path[2:], service, record)
        if edit is None:
            result.append(finding)
        elif edit not in joined:
            joined[edit] = len(result)
            result.append(replace(finding, fix=edit))
        elif result[joined[edit]].rule == "missing-key":
            result[joined[edit]] = replace(finding, fix=edit)
    return result


def _edit(path: Sequence[str], service: Service, record: type[Record]) -> str | None:
    """The edit for a finding at a path of the service; None if its value has no other form."""
    if path[:1] == ("env",) and len(path) > 1 and isinstance(service["env"], dict):
        return _edit_of_variable(path[1], service, fields_of(record)["env"])
    if path[:2] == ("server", "apiKey"):
        return _edit_of_api_key(service)
    depth = 2 if path[:1] and path[0] in _INSIDE else 1
    if len(path) < depth:
        return None
    written = value_at(path[:depth], service)
    form = _form_of(path[depth - 1], record, is_inside=depth == 2)
    is_flags = depth == 2 and plain_name(path[1]) == "extraargs"
    if is_flags and not isinstance(written, dict):
        form = arguments
    if form is None:
        return None
    edits = form(written, service)
    return _edit_text(path[:depth], edits, service, record)


def _form_of(key: str, record: type[Record], *, is_inside: bool) -> Form | None:
    """The reader of a key.

    Args:
        key: The key.
        record: The record of a service.
        is_inside: Whether the key is inside of `engine` or `server`, where some of these keys mean something else.
    """
    known: Form | None = _FORMS.get(key)
    if known:
        return known
    name = plain_name(key)
    if key in fields_of(record) or (is_inside and name in _KNOWN_INSIDE):
        return None
    form: Form | None = _KEYS.get(name)
    if form is None and name in _NOTES:
        return _nothing
    return form


def _edit_text(
    keys: Sequence[str], edits: Edits | None, service: Service, record: type[Record]
) -> str | None:
    """The text of the edits for a key; None if the key keeps its value.

    What another key of the user already sets is not written again.

    Args:
        keys: The key as the user wrote it.
        edits: The new values.
        service: The service as the user wrote it.
        record: The record of a service.
    """
    key = in_one_line(dotted(keys))
    note = _NOTES.get(plain_name(keys[-1]), "")
    remove = f"remove {key} ({note})" if note else f"remove {key}"
    other_keys = _set_by_other_keys(edits or {}, key, service)
    if edits is not None and edits.keys() == other_keys:
        return remove
    new = _accepted(edits or {}, key, service, record)
    if not new or new == {key: value_at(keys, service)}:
        return remove if note else None
    if holds_hidden((), without_references(new)) or _has_unreadable_variable(new):
        return remove if note else None
    parts = [f"write {name}: {as_yaml(value)}" for name, value in new.items()]
    if key not in new:
        parts.append(f"remove {key}")
    return " and ".join(parts)


def _has_unreadable_variable(edits: Edits) -> bool:
    """Whether a new variable may have a password as its value, which a fix must not repeat."""
    variables = edits.get("env")
    if not isinstance(variables, dict):
        return False
    return any(_is_unreadable(value) for value in variables.values())


def _is_unreadable(value: Any) -> bool:
    """Whether a value has letters and digits in one long piece, as a password has, and is no path or address."""
    if not isinstance(value, str) or is_harmless("", value):
        return False
    return _MIXED.search(value) is not None


def _set_by_other_keys(edits: Edits, key: str, service: Service) -> set[str]:
    """The keys of new values that the user wrote as well."""
    return {
        name
        for name in edits
        if name not in (key, "engine.extraArgs")
        and value_at(name.split("."), service) is not None
    }


def _accepted(edits: Edits, key: str, service: Service, record: type[Record]) -> Edits:
    """The new values that a service accepts, without those of keys that the user wrote as well."""
    accepted: Edits = {}
    other_keys = _set_by_other_keys(edits, key, service)
    for name in [name for name in edits if name not in other_keys]:
        value = edits[name]
        field = field_at(record, name)
        if field is None:
            accepted[name] = value
        elif "." in name:
            own = nearest_accepted(field, value)
            if own is not None and isinstance(own, bool) >= isinstance(value, bool):
                accepted[name] = own
        elif is_accepted(field, value):
            accepted[name] = value
    return accepted


def _edit_of_variable(
    name: str, service: Service, field: FieldInfo | None
) -> str | None:
    """The edit for the value of one variable."""
    content = service["env"].get(name)
    if field is None or not isinstance(content, dict):
        return None
    value = kubernetes.variable(content)
    key = in_one_line(f"env.{name}")
    if value is None:
        return f"remove {key}"
    item = FieldInfo.from_annotation(item_of(field.annotation))
    is_hidden = holds_hidden(("env", name), without_references(value))
    if value == content or is_hidden or _is_unreadable(value):
        return None
    if not is_accepted(item, value):
        return None
    return f"write {key}: {as_yaml(value)}"


def _edit_of_api_key(service: Service) -> str | None:
    """The edit for a Secret in the form of Kubernetes."""
    content = value_at(("server", "apiKey"), service)
    value = kubernetes.variable(content)
    if not isinstance(value, dict) or value == content:
        return None
    return f"write server.apiKey: {as_yaml(value)}"
