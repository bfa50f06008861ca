"""Services × environments: what each environment runs, and where the environments differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.service.resolved import ResolvedService, ResolvedStack

_FEATURES = {
    "server.kind": "server",
    "prefixCaching": "prefix caching",
    "quantization": "quantization",
    "graph.kind": "graph",
    "speculative.kind": "speculation",
    "lora.adapters": "LoRA",
    "multimodal": "multimodal",
    "engine.numSchedulerSteps": "steps",
    "engine.enableChunkedPrefill": "chunked prefill",
    "queue": "queue",
    "expose.type": "expose",
    "network": "network policy",
    "disruptionBudget": "disruption budget",
    "monitoring": "monitoring",
    "podTemplate": "pod template",
}
"""Fields of a service and their names in the matrix. A feature is shown if the environments differ in it."""


@dataclass(frozen=True)
class Cell:
    """A service in one environment."""

    tag: str
    """Tag or digest of its image."""
    npus: int
    replicas: int | Literal["external"]
    """`external`: an autoscaler sets them."""
    max_model_len: int
    features: Mapping[str, str]
    """Name and value of each feature in which the environments differ."""


@dataclass(frozen=True)
class Matrix:
    """All services of several environments."""

    environments: tuple[str, ...]
    """Name of each stack, or its file if two stacks have the same name."""
    rows: Mapping[str, tuple[Cell | None, ...]]
    """The cells of each service, in the order of the environments. None: the environment does not have the service."""
    unread: Mapping[str, tuple[str, ...]]
    """Environment and its services with invalid fields, which are not shown."""


def matrix(stacks: Sequence[ResolvedStack]) -> Matrix:
    """Put the services of several stacks side by side."""
    environments = [_environment(stack, stacks) for stack in stacks]
    names = {service.name for stack in stacks for service in stack.services}
    rows = {}
    for name in sorted(names):
        services = [stack.service(name) for stack in stacks]
        rows[name] = _row(services)
    unread = {}
    for environment, stack in zip(environments, stacks, strict=True):
        if stack.broken:
            unread[environment] = stack.broken
    return Matrix(tuple(environments), rows, unread)


def _environment(stack: ResolvedStack, stacks: Sequence[ResolvedStack]) -> str:
    names = [other.name for other in stacks]
    if names.count(stack.name) > 1:
        return stack.file
    return stack.name


def _row(services: Sequence[ResolvedService | None]) -> tuple[Cell | None, ...]:
    existing = [service for service in services if service is not None]
    differing = {}
    for field, name in _FEATURES.items():
        values = {_feature(service, field) for service in existing}
        if len(values) > 1:
            differing[field] = name
    return tuple(_cell(service, differing) for service in services)


def _cell(service: ResolvedService | None, differing: Mapping[str, str]) -> Cell | None:
    if service is None:
        return None
    features = {name: _feature(service, field) for field, name in differing.items()}
    return Cell(
        tag=image_tag(service.image),
        npus=service.npus,
        replicas="external" if service.external else service.replicas,
        max_model_len=service.engine.max_model_len,
        features=features,
    )


def image_tag(image: str) -> str:
    """The tag of an image or, without a tag, the first 12 digits of its digest. `latest` if it has neither."""
    name, _, digest = image.partition("@sha256:")
    last_part = name.rpartition("/")[2]
    tag = last_part.partition(":")[2]
    if tag:
        return tag
    if digest:
        return digest[:12]
    return "latest"


def _feature(service: ResolvedService, field: str) -> str:
    value = _field_value(service, field)
    if isinstance(value, dict):
        return ", ".join(sorted(value))
    if value is None or value is False:
        return "off"
    if value is True:
        return "on"
    if isinstance(value, str | int):
        return str(value)
    return "on"


def _field_value(service: ResolvedService, field: str) -> object:
    """The value at a path of camelCase keys. None: a part of the path is missing."""
    value: object = service
    for key in field.split("."):
        attribute = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", key)
        value = getattr(value, attribute, None)
    return value
