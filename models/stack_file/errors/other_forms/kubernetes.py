"""Keys of a service in the form of Kubernetes objects and of Helm charts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from models.stack_file.errors.other_forms.words import (
    OFF,
    Edits,
    Service,
    completed,
    renamed,
    word,
)
from models.stack_file.errors.place import fields_of
from models.stack_file.keys.operation import Resources
from models.yaml_scalar import as_yaml

_NPUS = "huawei.com/"
"""The beginning of the names of NPUs among the resources of a container."""

_RESOURCE_KEYS = {
    "mem": "memory",
    "cpus": "cpu",
    "vcpu": "cpu",
    "shmsize": "shm",
    "sharedmemory": "shm",
    "devshm": "shm",
}
_OF_A_POD = ("apiVersion", "kind", "metadata", "spec")
_REFERENCE_KEYS = {"secret", "key", "config", "field", "prepend", "append"}
_SPACES = re.compile(r" *([:@/]) *")
_SCHEME = re.compile(r"(docker|https?|oci)://")


def resources(value: Any, service: Service) -> Edits | None:
    """CPU and memory for the limits and requests of a container."""
    if isinstance(value, str | int | float):
        return {"resources": completed(Resources, {"memory": value})}
    if not isinstance(value, dict) or value.keys() <= {*fields_of(Resources)}:
        return None
    amounts: dict[str, Any] = {}
    parts = renamed(value, {"limit": "limits", "request": "requests"})
    parts = {key.lower(): amount for key, amount in parts.items()}
    for part in ("limits", "requests"):
        amount = parts.pop(part, None)
        if isinstance(amount, dict):
            largest = {"memory": amounts["memory"]} if "memory" in amounts else {}
            amounts |= {key.lower(): number for key, number in amount.items()}
            amounts |= largest
    amounts |= parts
    edits: Edits = {}
    if "npus" not in service:
        edits = _npus(amounts)
    form = completed(Resources, renamed(amounts, _RESOURCE_KEYS))
    if form:
        edits["resources"] = form
    return edits


def _npus(amounts: Mapping[str, Any]) -> Edits:
    """The number of NPUs among the resources of a container."""
    for name, amount in amounts.items():
        is_npu = name.startswith(_NPUS) or word(name) in ("npu", "npus")
        if is_npu and str(amount).isdigit():
            return {"npus": int(amount)}
    return {}


def limits(value: Any, service: Service) -> Edits | None:
    """CPU and memory for `limits` or `requests` at the service itself."""
    if "resources" in service:
        return None
    return resources({"limits": value}, service)


def security_context(value: Any, _service: Service) -> Edits | None:
    """The user of the containers for a `securityContext`."""
    if isinstance(value, dict) and isinstance(value.get("runAsUser"), int):
        return {"runAsUser": value["runAsUser"]}
    return {}


def visible_devices(value: Any, _service: Service) -> Edits | None:
    """All NPUs of the pod, which are visible without the key."""
    return {} if word(value) in ("all", "auto") else None


def pod_template(value: Any, _service: Service) -> Edits | None:
    """A patch on the template of the pods for fields of their `spec`."""
    if not isinstance(value, dict) or value.keys() <= {"metadata", "spec"}:
        return None
    spec = value.get("spec", {})
    if not isinstance(spec, dict):
        return None
    patch: dict[str, Any] = {}
    for key, part in value.items():
        if key in ("labels", "annotations"):
            patch["metadata"] = {**patch.get("metadata", {}), key: part}
        elif key not in _OF_A_POD:
            spec = {**spec, key: part}
    if isinstance(value.get("metadata"), dict):
        patch["metadata"] = {**patch.get("metadata", {}), **value["metadata"]}
    if spec:
        patch["spec"] = spec
    return {"podTemplate": patch}


def monitoring(value: Any, _service: Service) -> Edits | None:
    """Metrics and alerts for `enabled` of a Helm chart."""
    is_off = isinstance(value, dict) and value.get("enabled") is False
    if is_off or word(value) in OFF:
        return {}
    if isinstance(value, dict) and "enabled" in value:
        further = {key: part for key, part in value.items() if key != "enabled"}
        return {"monitoring": further or True}
    return None


def env(value: Any, _service: Service) -> Edits | None:
    """Variables as a mapping, for the list of a container and for the texts of `docker run -e`."""
    if isinstance(value, str):
        value = _words(value)
    if isinstance(value, dict):
        items = [{name: content} for name, content in value.items()]
    elif isinstance(value, list):
        items = value
    else:
        return {}
    variables: dict[str, Any] = {}
    for item in items:
        named = _variable(item)
        if named is None:
            return {}
        name, content = named
        form = variable(content)
        if form is not None:
            variables[name] = form
    return {"env": variables}


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _variable(item: Any) -> tuple[str, Any] | None:
    """The name and the value of an item of a list; None if the item is no variable."""
    if isinstance(item, str):
        name, equals, text = item.partition("=")
        return (name, text) if equals else None
    if not isinstance(item, dict):
        return None
    if "name" in item:
        content = {key: part for key, part in item.items() if key != "name"}
        return str(item["name"]), content
    if len(item) == 1:
        return next(iter(item.items()))
    return None


def variable(value: Any) -> Any:
    """The value of a variable for the value in a container; None if a stack file cannot express it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return as_yaml(value)
    if not isinstance(value, dict):
        return None
    for key in ("value", "valueFrom"):
        if key in value:
            return variable(value[key])
    found = _field(value) or _secret_key(value)
    if found:
        return found
    return value if value and value.keys() <= _REFERENCE_KEYS else None


def _field(value: Mapping[str, Any]) -> dict[str, str] | None:
    """A field of the pod for a `fieldRef`."""
    field = value.get("fieldRef", value.get("fieldPath"))
    if isinstance(field, dict):
        field = field.get("fieldPath")
    if not isinstance(field, str):
        return None
    return {"field": field if "." in field else f"status.{field}"}


def _secret_key(value: Mapping[str, Any]) -> dict[str, str] | None:
    """A key of a Secret for a `secretKeyRef`."""
    secret = value.get("secretKeyRef", value.get("secret"))
    if isinstance(secret, dict):
        return _secret(secret.get("name"), secret.get("key"))
    return _secret(value.get("secretName"), value.get("secretKey", value.get("key")))


def _secret(name: Any, key: Any) -> dict[str, str] | None:
    if isinstance(name, str) and isinstance(key, str):
        return {"secret": name, "key": key}
    return None


def image(value: Any, _service: Service) -> Edits | None:
    """The reference of an image for the mapping of a Helm chart."""
    if isinstance(value, str):
        return {"image": _SPACES.sub(r"\1", _SCHEME.sub("", value.strip()))}
    if not isinstance(value, dict):
        return None
    reference = str(value.get("repository") or value.get("name") or "")
    if not reference:
        return None
    if value.get("registry"):
        reference = f"{value['registry']}/{reference}"
    if value.get("tag"):
        reference = f"{reference}:{value['tag']}"
    if value.get("digest"):
        reference = f"{reference}@{value['digest']}"
    return {"image": reference}


def pull_secrets(value: Any, _service: Service) -> Edits | None:
    """Names of Secrets for `imagePullSecrets`."""
    items = value if isinstance(value, list) else [value]
    names = []
    for item in items:
        if isinstance(item, dict) and item.keys() == {"name"}:
            names.append(item["name"])
        else:
            names.append(item)
    return {"pullSecrets": names}


def priority(value: Any, service: Service) -> Edits | None:
    """The PriorityClass for a name in place of a weight."""
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    is_name = isinstance(value, str) and not re.fullmatch(r"[-+]?[\d.]+", value)
    if not is_name or "priorityClass" in service:
        return None
    return {"priorityClass": value}


def rollout(value: Any, _service: Service) -> Edits | None:
    """The rollout for the strategy of a Deployment."""
    if isinstance(value, str):
        return {"rollout": value[:1].lower() + value[1:]}
    if not isinstance(value, dict):
        return None
    values = renamed(value, {"type": "kind"})
    numbers = values.pop("rollingUpdate", None)
    if isinstance(values.get("kind"), str):
        kind = values["kind"]
        values["kind"] = kind[:1].lower() + kind[1:]
    if isinstance(numbers, dict):
        values |= numbers
    for key in ("maxSurge", "maxUnavailable"):
        if isinstance(values.get(key), str):
            values[key] = _pods(values[key])
    if values == {"kind": values.get("kind")}:
        return {"rollout": values["kind"]}
    return {"rollout": values}


def _pods(text: str) -> int:
    """A number of pods; at least one for a share of them, such as 25%."""
    digits = re.sub(r"\D", "", text)
    count = int(digits or 0)
    if "%" in text:
        return min(count, 1)
    return count


def expose(value: Any, _service: Service) -> Edits | None:
    """The type of the Service for `service` of a Helm chart."""
    if word(value) in OFF:
        return {}
    if isinstance(value, dict):
        value = value.get("type", value.get("kind"))
    if not isinstance(value, str):
        return None
    names = {"clusterip": "ClusterIP", "nodeport": "NodePort"}
    return {"expose": names.get(word(value), value)}


def disruption_budget(value: Any, _service: Service) -> Edits | None:
    """No PodDisruptionBudget for `enabled: false`."""
    is_off = isinstance(value, dict) and value.get("enabled") is False
    return {} if is_off else None


def drain(value: Any, _service: Service) -> Edits | None:
    """The drain for a grace period in seconds, or for none."""
    if word(value) in OFF:
        return {"drain": "0s"}
    if isinstance(value, int):
        return {"drain": f"{value}s"}
    return {"drain": value} if isinstance(value, str) else None


def autoscaling(value: Any, service: Service) -> Edits | None:
    """A number of pods that an autoscaler sets."""
    is_on = isinstance(value, dict) and value.get("enabled") is not False
    if is_on and "replicas" not in service:
        return {"replicas": "external"}
    return {}
