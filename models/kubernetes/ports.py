"""Ports that two containers of a pod open. They share one network, so the second one cannot listen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.finding import Path
from models.kubernetes.problem import Problem, remove

_SERVICE_PORT = "http"
"""The name of the server's port, which the Service routes to."""


def repeated_ports(spec: Mapping[str, Any]) -> Iterator[Problem]:
    """Container ports with the number, or with the name of the server's port, that another container has."""
    opened: dict[tuple[int, str], Path] = {}
    named: dict[str, Path] = {}
    for path, port in _ports(spec):
        number = port.get("containerPort", 0)
        protocol = port.get("protocol") or "TCP"
        first_opened = opened.setdefault((number, protocol), path)
        name = port.get("name", "")
        first_named = named.setdefault(name, path)
        if _is_other_container(first_opened, path):
            words = f"{number} is opened by another container, too"
            yield _repeated((*path, "containerPort"), words, first_opened)
        elif name == _SERVICE_PORT and _is_other_container(first_named, path):
            words = f"{name} is the name of the server's port, too"
            yield _repeated((*path, "name"), words, first_named)


def _is_other_container(path: Path, other: Path) -> bool:
    """Whether two ports belong to two containers. A path begins with `spec`, `containers` and the container's index."""
    return path[:3] != other[:3]


def _ports(spec: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The ports of all containers that run at the same time, with their paths."""
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key, ())):
            is_sidecar = container.get("restartPolicy") == "Always"
            if key == "initContainers" and not is_sidecar:
                continue
            for number, port in enumerate(container.get("ports", ())):
                yield ("spec", key, str(index), "ports", str(number)), port


def _repeated(path: Path, words: str, other: Path) -> Problem:
    return Problem(
        path=path,
        words=words,
        source="one network for all containers of a pod",
        edits=remove(path[:-1]),
        others=(other,),
    )
