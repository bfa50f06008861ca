"""Services × environments: which environment runs what, and where they differ."""

from __future__ import annotations

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
"""What is worth a word when environments differ in it, by its field."""


@dataclass(frozen=True)
class Cell:
    """A service in an environment."""

    tag: str
    """Tag or digest of its image."""
    npus: int
    replicas: int | Literal["external"]
    """`external` where an autoscaler sets them."""
    max_model_len: int
    features: Mapping[str, str]
    """The features in which the environments differ, in words."""


@dataclass(frozen=True)
class Matrix:
    """All services of some environments."""

    environments: tuple[str, ...]
    """Names of the stacks; their files where two have one name."""
    rows: Mapping[str, tuple[Cell | None, ...]]
    """By service; None where an environment lacks it."""
    unread: Mapping[str, tuple[str, ...]]
    """By environment, the services whose shape is refused."""


def matrix(stacks: Sequence[ResolvedStack]) -> Matrix:
    """The services of several stacks side by side."""
    services = sorted({service.name for stack in stacks for service in stack.services})
    rows = {name: _row([stack.service(name) for stack in stacks]) for name in services}
    names = [stack.name for stack in stacks]
    environments = [stack.name if names.count(stack.name) == 1 else stack.file for stack in stacks]
    unread = {name: stack.broken for name, stack in zip(environments, stacks, strict=True) if stack.broken}
    return Matrix(tuple(environments), rows, unread)


def _row(services: Sequence[ResolvedService | None]) -> tuple[Cell | None, ...]:
    found = [None if service is None else _features(service) for service in services]
    there = [one for one in found if one is not None]
    differing = [name for name in _FEATURES.values() if len({one[name] for one in there}) > 1]
    return tuple(
        None if service is None or one is None else _cell(service, {name: one[name] for name in differing})
        for service, one in zip(services, found, strict=True)
    )


def _cell(service: ResolvedService, features: Mapping[str, str]) -> Cell:
    replicas: int | Literal["external"] = "external" if service.external else service.replicas
    return Cell(image_tag(service.image), service.npus, replicas, service.engine.max_model_len, features)


def image_tag(image: str) -> str:
    """Tag of an image, the beginning of its digest, or `latest` as the container runtime takes it."""
    name, _, digest = image.partition("@sha256:")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or (digest[:12] if digest else "latest")


def _features(service: ResolvedService) -> dict[str, str]:
    return {name: _feature(service, field) for field, name in _FEATURES.items()}


def _feature(service: ResolvedService, field: str) -> str:
    value: object = service
    for key in field.split("."):
        value = getattr(value, "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key), None)
    if isinstance(value, dict):
        return ", ".join(sorted(value))
    if isinstance(value, bool | None):
        return "on" if value else "off"
    return str(value) if isinstance(value, str | int) else "on"
