"""The services of a deployed stack, as the cluster has them: which pods, where, and whether they are ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox import kubectl

HEADER = ("NAME", "READY", "STATUS", "NODE", "NPUS", "URL")

_NPU_PREFIX = "huawei.com/"


@dataclass(frozen=True)
class ServiceRow:
    """One line of the table, each cell as text: ready and all pods, their state, their nodes, the sum of their NPUs."""

    name: str
    ready: str
    status: str
    node: str
    npus: str
    url: str


def listed(home: Path, urls: Mapping[str, str]) -> list[ServiceRow]:
    """One row per exported service, in the order of the export."""
    if not urls:
        return []
    objects = kubectl.items(home, "services,pods", "--all-namespaces")
    return [row(name, str(url), objects) for name, url in urls.items()]


def row(name: str, url: str, objects: Iterable[Mapping[str, Any]]) -> ServiceRow:
    """The row of one service: its pods are those that the Service behind its URL selects."""
    everything = list(objects)
    pods = [o for o in everything if o["kind"] == "Pod" and not o["metadata"].get("deletionTimestamp")]
    selected = _selected(_service(url, everything), pods)
    ready = sum(map(_is_ready, selected))
    return ServiceRow(
        name=name,
        ready=f"{ready}/{len(selected)}",
        status=_joined(map(_state, selected)) or "no pod",
        node=_joined(pod["spec"].get("nodeName", "") for pod in selected) or "-",
        npus=str(sum(map(_npus, selected))),
        url=url,
    )


def table(services: Iterable[ServiceRow]) -> str:
    """The rows under their header, in aligned columns, without a line end."""
    cells = [HEADER, *map(astuple, services)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADER))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def _service(url: str, objects: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The Service object that a cluster URL (`http://name.namespace.svc:port`) leads to."""
    host = (urlsplit(url).hostname or "").split(".")
    name, namespace = [*host, "default"][:2]
    found = (
        o
        for o in objects
        if o["kind"] == "Service" and (o["metadata"]["name"], o["metadata"]["namespace"]) == (name, namespace)
    )
    return next(found, None)


def _selected(service: Mapping[str, Any] | None, pods: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    selector = service["spec"].get("selector") if service else None
    if not service or not selector:
        return []
    namespace = service["metadata"]["namespace"]
    return [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == namespace and selector.items() <= pod["metadata"].get("labels", {}).items()
    ]


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def _state(pod: Mapping[str, Any]) -> str:
    """What kubectl would show: a container's reason for waiting, else the pod's phase."""
    waiting = (c["state"].get("waiting") for c in pod["status"].get("containerStatuses", []))
    phase = str(pod["status"].get("phase", "Unknown"))
    return next((str(reason["reason"]) for reason in waiting if reason and reason.get("reason")), phase)


def _npus(pod: Mapping[str, Any]) -> int:
    requests = (c.get("resources", {}).get("requests", {}) for c in pod["spec"]["containers"])
    return sum(int(count) for r in requests for name, count in r.items() if name.startswith(_NPU_PREFIX))


def _joined(words: Iterable[str]) -> str:
    return ",".join(sorted({word for word in words if word}))
