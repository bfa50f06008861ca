"""The services of a deployed stack: their pods, the nodes of the pods, and whether they are ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox import kubectl

HEADER = ("NAME", "READY", "STATUS", "NODE", "NPUS", "URL")

Object = Mapping[str, Any]
"""A Kubernetes object as `kubectl get -o json` prints it."""

_NPU_PREFIX = "huawei.com/"
_RANK = "leaderworkerset.sigs.k8s.io/worker-index"
"""Label with which the Service of a server over several nodes selects the leaders only."""


@dataclass(frozen=True)
class ServiceRow:
    """A line of the table, each cell as text."""

    name: str
    ready: str
    """Ready pods of all pods: `1/2`."""
    status: str
    node: str
    npus: str
    """The NPUs of all pods."""
    url: str


def listed(home: Path, urls: Mapping[str, str]) -> list[ServiceRow]:
    """The row of each exported service, in the order of the export."""
    if not urls:
        return []
    objects = kubectl.items(home, "services,pods", "--all-namespaces")
    return [row(name, str(url), objects) for name, url in urls.items()]


def row(name: str, url: str, objects: Iterable[Object]) -> ServiceRow:
    """The row of a service. Its pods are those that its Service selects, and the workers of selected leaders."""
    everything = list(objects)
    service = _service(url, everything)
    pods = _selected(service, everything) if service else []
    ready = [pod for pod in pods if _is_ready(pod)]
    states = [_state(pod) for pod in pods]
    nodes = [pod["spec"].get("nodeName", "") for pod in pods]
    npus = sum(_npus(pod) for pod in pods)
    return ServiceRow(
        name=name,
        ready=f"{len(ready)}/{len(pods)}",
        status=_joined(states) or "no pod",
        node=_joined(nodes) or "-",
        npus=str(npus),
        url=url,
    )


def table(services: Iterable[ServiceRow]) -> str:
    """The rows below their header in aligned columns, without a line end."""
    rows: list[tuple[str, ...]] = [HEADER]
    rows += [astuple(service) for service in services]
    columns = zip(*rows, strict=True)
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = []
    for cells in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _service(url: str, objects: Sequence[Object]) -> Object | None:
    """The Service of a URL in the cluster: `http://name.namespace.svc:port`."""
    host = urlsplit(url).hostname or ""
    name, namespace, *_ = [*host.split("."), "default"]
    for item in objects:
        metadata = item["metadata"]
        if (
            item["kind"] == "Service"
            and metadata["name"] == name
            and metadata["namespace"] == namespace
        ):
            return item
    return None


def _selected(service: Object, objects: Sequence[Object]) -> list[Object]:
    """The pods that a Service selects, with the workers of a group, and without those that are being deleted."""
    selector = dict(service["spec"].get("selector") or {})
    namespace = service["metadata"]["namespace"]
    selector.pop(_RANK, None)
    if not selector:
        return []
    selected = []
    for item in objects:
        metadata = item["metadata"]
        labels = metadata.get("labels", {})
        is_pod = item["kind"] == "Pod" and not metadata.get("deletionTimestamp")
        if (
            is_pod
            and metadata["namespace"] == namespace
            and selector.items() <= labels.items()
        ):
            selected.append(item)
    return selected


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    statuses = {condition["type"]: condition["status"] for condition in conditions}
    return statuses.get("Ready") == "True"


def _state(pod: Object) -> str:
    """The state as kubectl shows it: the reason for which a container waits, else the phase of the pod."""
    for container in pod["status"].get("containerStatuses", []):
        waiting = container["state"].get("waiting") or {}
        reason = waiting.get("reason")
        if reason:
            return str(reason)
    return str(pod["status"].get("phase", "Unknown"))


def _npus(pod: Object) -> int:
    """The NPUs that the containers of a pod request."""
    total = 0
    for container in pod["spec"]["containers"]:
        requests = container.get("resources", {}).get("requests", {})
        for resource, count in requests.items():
            if resource.startswith(_NPU_PREFIX):
                total += int(count)
    return total


def _joined(words: Iterable[str]) -> str:
    """The different words, sorted."""
    different = {word for word in words if word}
    return ",".join(sorted(different))
