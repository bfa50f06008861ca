"""From a pod to the keys of a service: image, NPUs, resources, rollout, and what Volcano reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convert.note import Note, assumed, dropped
from convert.pods import Pod
from convert.scope import PLACEHOLDER
from models.launch.launch import GRAPH_CACHE_DIRECTORY, WARM
from models.manifests.deployment import MIN_MEMBER
from models.manifests.metadata import NAME, NAME_LABEL
from models.manifests.pod import QUEUE_NAME
from models.record import cpu_amount
from models.service.deadlines import PULL
from models.service.resolved import SETTLE

Values = dict[str, Any]

_GRACE = SETTLE + 30
SHM = "/dev/shm"  # noqa: S108  the kernel's name for it
"""Where the processes of the engine talk."""

_USUAL_GRACE = 30


def is_ours(pod: Pod) -> bool:
    """Whether this program has made the object."""
    return pod.owner.at("metadata", "labels").mapping().get(NAME_LABEL) == NAME


def pod_values(pod: Pod, notes: list[Note]) -> Values:
    """The keys of a service that its pod gives, all of them written out."""
    values: Values = {}
    if image := pod.container.at("image").text():
        values["image"] = image
    values |= _npus(pod, notes)
    replicas = pod.owner.at("spec", "replicas")
    if replicas.value is not None:
        values["replicas"] = replicas.value
    values["resources"] = dict(_resources(pod))
    values["rollout"] = _rollout(pod)
    if names := [one.at("name").text() for one in pod.spec.at("imagePullSecrets").items()]:
        values["pullSecrets"] = names
    users = (one.at("securityContext", "runAsUser").value for one in (pod.container, pod.spec))
    user = next((one for one in users if one is not None), None)
    if user is not None:
        values["runAsUser"] = user
    values |= dict(_volcano(pod))
    values |= dict(_times(pod))
    if pod.owner.kind not in ("Deployment",):
        notes.append(assumed("a Deployment", f"in the place of the {pod.owner.kind}", pod.owner.file, pod.owner.line))
    return {key: value for key, value in values.items() if value != {}}


def graph_cache(pod: Pod) -> str:
    """The directory of the node that keeps compiled graphs; nothing when the pod mounts none."""
    return next((one.host_path for one in pod.mounts if one.path == GRAPH_CACHE_DIRECTORY), "")


def warms_up(pod: Pod) -> bool:
    """Whether the pod is ready only once its server is warm."""
    return WARM in [item.value for item in pod.container.at("startupProbe", "exec", "command").items()]


def _npus(pod: Pod, notes: list[Note]) -> Values:
    limits, requests = (pod.container.at("resources", kind, pod.npu) for kind in ("limits", "requests"))
    found = limits if limits.value is not None else requests
    if not pod.npu or found.value is None:
        why = "the container asks for none, so as many as the engine uses"
        notes.append(assumed("npus", why, pod.owner.file, pod.container.line))
        return {}
    if requests.value is not None and requests.text() != limits.text():
        notes.append(assumed(f"npus {found.text()}", "limit and request differ", found.file, found.line))
    return {"npus": int(found.text()) if found.text().isdecimal() else found.text()}


def _resources(pod: Pod) -> Iterator[tuple[str, Any]]:
    asked = {
        name: next((one for one in (pod.container.at("resources", kind, name) for kind in order) if one.text()), None)
        for name, order in (("cpu", ("requests", "limits")), ("memory", ("limits", "requests")))
    }
    if cpu := asked["cpu"]:
        yield "cpu", _cores(cpu.text())
    if memory := asked["memory"]:
        yield "memory", memory.text()
    for mount in pod.mounts:
        size = mount.volume.at("emptyDir", "sizeLimit").text()
        if mount.path.rstrip("/") == SHM and size:
            yield "shm", size


def _cores(text: str) -> int | str:
    """An amount of CPUs as the stack file accepts it; a text that is no quantity stays unchanged."""
    try:
        amount: int | str = cpu_amount(text)
    except ValueError:
        return text
    return amount


def _rollout(pod: Pod) -> Values:
    strategy = pod.owner.at("spec", "strategy")
    kind = strategy.at("type").text()
    if kind == "Recreate":
        return {"kind": "recreate"}
    numbers = {key: strategy.at("rollingUpdate", key).value for key in ("maxSurge", "maxUnavailable")}
    whole = {key: value for key, value in numbers.items() if isinstance(value, int)}
    return {"kind": "rollingUpdate", **whole} if whole else {}


def _volcano(pod: Pod) -> Iterator[tuple[str, Any]]:
    own, template = (one.at("metadata", "annotations").mapping() for one in (pod.owner, pod.template))
    if member := own.get(MIN_MEMBER) or template.get(MIN_MEMBER):
        yield "minMember", int(member) if str(member).isdecimal() else member
    if queue := template.get(QUEUE_NAME) or own.get(QUEUE_NAME):
        yield "queue", queue
    if priority := pod.spec.at("priorityClassName").text():
        yield "priorityClass", priority


def _times(pod: Pod) -> Iterator[tuple[str, Any]]:
    """How long a start and an end may take."""
    grace, deadline = (
        pod.spec.at("terminationGracePeriodSeconds").value,
        pod.owner.at("spec", "progressDeadlineSeconds").value,
    )
    if isinstance(grace, int) and grace >= _GRACE and (is_ours(pod) or grace != _USUAL_GRACE):
        yield "drain", f"{grace - _GRACE}s"
    probe = pod.container.at("startupProbe")
    period, failures = probe.at("periodSeconds").value or 10, probe.at("failureThreshold").value
    if isinstance(period, int) and isinstance(failures, int):
        startup = period * failures
        if is_ours(pod) and isinstance(grace, int) and isinstance(deadline, int):
            startup = deadline - grace - PULL
        yield "startup", f"{startup}s"


def unused_mounts(pod: Pod, used: set[str]) -> Iterator[Note]:
    """The mounts that have no place in a stack file."""
    for mount in pod.mounts:
        if mount.path in used or not mount.path:
            continue
        what = f"the mount {mount.path}"
        if mount.volume.at("persistentVolumeClaim").value is not None:
            why = "it is a volume claim, and weights come from a directory of the node"
        elif mount.path.rstrip("/") == SHM:
            continue
        else:
            why = "the stack file has no word for further mounts"
        if not PLACEHOLDER.search(mount.path):
            yield dropped(what, why, pod.owner.file, mount.volume.line)
