"""What differs between the objects of a service, beside the content of the launch map."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from models.manifests.launch_map import VOLUME
from models.secret_reference import CreatedSecret, NamespaceSecret
from review.additional_objects import patch_detail
from review.launch import Pair
from review.leaves import Leaves, differing
from review.origins import place, variable_source
from review.record import Detail
from review.words import MOUNTS, POD, REST, word_for

_TEMPLATE = "spec.template."
_LAUNCH_MAP = f"{_TEMPLATE}spec.volumes[{VOLUME}].configMap.name"
_INIT_CONTAINER = re.compile(r"spec\.initContainers\[(.+?)\]\.?(\w*)")
_STEPS = {
    "install-mindspeed": "mindSpeed.kind",
    "convert-eagle": "speculative.convert",
    "verify-model": "model.verify",
}
"""The fields that init containers follow from, by their names."""

_VARIABLE = re.compile(r"spec\.containers\[ascend-vllm\]\.env\[(.+?)\]")
_VOLUME = re.compile(r"spec\.(?:containers\[ascend-vllm\]\.volumeMounts|volumes)\[(.+?)\]")

_SERVICE = {
    "spec.ports": ("port", "server.port"),
    "spec.type": ("type", "expose.type"),
    "spec.externalTrafficPolicy": ("externalTrafficPolicy", "network.cidrs"),
    "metadata.annotations.": ("metadata.annotations.", "expose.annotations"),
}
"""How people call the parts of a Service, and the field that each follows from, by the beginning of its path."""


@dataclass(frozen=True)
class Deployments:
    """The Deployments of a service before and after."""

    pair: Pair
    old: Leaves
    new: Leaves


def deployment_details(both: Deployments) -> Iterator[Detail]:
    """What differs between two Deployments; what is in the template restarts the pods."""
    told: set[tuple[str, str]] = set()
    for path, before, after in differing(both.old, both.new):
        detail = None if path == _LAUNCH_MAP else _detail(both, path, before, after)
        if detail and (detail.part, detail.name) not in told:
            told.add((detail.part, detail.name))
            yield detail


def service_object_details(pair: Pair, old: Leaves, new: Leaves) -> Iterator[Detail]:
    """What differs between two Services."""
    for path, before, after in differing(old, new):
        name, field = next(
            (words for start, words in _SERVICE.items() if path.startswith(start)), (path, "server.port")
        )
        name = f"annotation {path.removeprefix(name)}" if path.startswith("metadata.annotations.") else name
        because = pair.field(field, gone=after is None)
        yield Detail("Service", f"{name} of the Service", before, after, because, restarts=False)


def smoke_details(pair: Pair) -> Iterator[Detail]:
    """Whether a Job proves that the service answers; what it asks follows from the rest."""
    before, after = ("true" if service.smoke else None for service in (pair.old, pair.new))
    if before != after:
        yield Detail("Job", "smoke", before, after, pair.field("smoke", gone=after is None), restarts=False)


def _detail(both: Deployments, path: str, before: str | None, after: str | None) -> Detail | None:
    pair, inner = both.pair, path.removeprefix(_TEMPLATE)
    restarts = inner != path
    if restarts and (patch := patch_detail(pair, inner)):
        return patch
    if restarts and (variable := _VARIABLE.match(inner)):
        return _variable(pair, variable[1])
    if word := word_for(POD if restarts else REST, inner, pair.old, pair.new):
        old, new = word.shown(pair.old), word.shown(pair.new)
        because = word.because or pair.field(word.field or word.name, gone=new is None)
        return Detail(word.part, word.name, old, new, because, restarts)
    if restarts and (volume := _VOLUME.match(inner)):
        return _mount(both, volume[1])
    if restarts and (step := _INIT_CONTAINER.match(inner)):
        return _init_container(both, step[1], step[2])
    return Detail("pod", inner.removeprefix("spec."), before, after, _source(inner), restarts)


def _variable(pair: Pair, name: str) -> Detail:
    """A variable from a Secret; of one that the stack makes, the line with the new value is the cause."""
    old, new = ({"VLLM_API_KEY": one.server.api_key, **one.secret_env}.get(name) for one in (pair.old, pair.new))
    because = pair.because(variable_source, name, gone=new is None)
    same = isinstance(old, CreatedSecret) and isinstance(new, CreatedSecret) and old.config == new.config
    if same and isinstance(new, CreatedSecret):
        because = place(pair.new_stack, (new.config,)) or because
    part = ("API key", "API key") if name == "VLLM_API_KEY" else ("environment", name)
    return Detail(*part, _text(old), _text(new), because, restarts=True, is_reference=True)


def _text(source: NamespaceSecret | None) -> str | None:
    return str(source) if source else None


def _mount(both: Deployments, name: str) -> Detail:
    """A volume and where the container sees it."""
    field = next((field for beginning, field in MOUNTS.items() if name.startswith(beginning)), None)
    old, new = _mounted(both.old, name), _mounted(both.new, name)
    because = both.pair.field(field, gone=new is None) if field else "cluster.platform"
    return Detail("mounts", f"mount {name}", old, new, because, restarts=True)


def _mounted(deployment: Leaves, name: str) -> str | None:
    mount, volume = f"{_TEMPLATE}spec.containers[ascend-vllm].volumeMounts[{name}]", f"{_TEMPLATE}spec.volumes[{name}]"
    there, below = deployment.get(f"{mount}.mountPath"), deployment.get(f"{mount}.subPath")
    here, claim = deployment.get(f"{volume}.hostPath.path"), deployment.get(f"{volume}.persistentVolumeClaim.claimName")
    here = f"claim {claim}" if claim else here
    here = f"{here}/{below}" if here and below else here
    return f"{here}, seen as {there}" if here and there and here != there else here or there


def _init_container(both: Deployments, name: str, key: str) -> Detail | None:
    """An init container that comes or goes, or has other Secrets; image and mounts are those of the server's."""
    before, after = (_there(deployment, name) for deployment in (both.old, both.new))
    if before == after and key == "env":
        old, new = (_keys(deployment, name) for deployment in (both.old, both.new))
        because = both.pair.field("model.source", gone=new is None)
        return Detail("init containers", f"keys of {name}", old, new, because, restarts=True, is_reference=True)
    if before == after and key in ("image", "volumeMounts"):
        return None
    because = both.pair.field(_STEPS.get(name, "model.source"), gone=after is None)
    return Detail("init containers", f"init container {name}", before, after, because, restarts=True)


def _keys(deployment: Leaves, name: str) -> str | None:
    """The Secrets that an init container has variables from."""
    found = re.compile(rf"{re.escape(f'{_TEMPLATE}spec.initContainers[{name}].env[')}.*secretKeyRef\.(?:name|key)")
    values = [value for path, value in deployment.items() if found.fullmatch(path)]
    pairs = zip(values[::2], values[1::2], strict=True)
    return "; ".join(f"Secret {secret}, key {key}" for secret, key in pairs) or None


def _there(deployment: Leaves, name: str) -> str | None:
    return "" if f"{_TEMPLATE}spec.initContainers[{name}].image" in deployment else None


def _source(path: str) -> str:
    if path == "spec.progressDeadlineSeconds":
        return "startup, drain, model.preparation and 10 minutes for the image"
    return "cluster.platform" if "nodeSelector" in path or "resources" in path else "the program"
