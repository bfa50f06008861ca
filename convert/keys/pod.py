"""The keys of a service that its pod determines: image, NPUs, resources, rollout, Volcano's annotations, deadlines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from convert.minimal import Values
from convert.note import Note, Notes, dropped
from convert.objects import Object
from convert.placeholder import PLACEHOLDER
from convert.pods import Pod
from convert.server.container_environment import has_read_only_root
from models.launch.launch import GRAPH_CACHE_DIRECTORY, WARM
from models.launch.preflight import PREFLIGHT
from models.manifests.deployment import MIN_MEMBER
from models.manifests.metadata import NAME, NAME_LABEL
from models.manifests.pod import QUEUE_NAME
from models.manifests.read_only_root import DIRECTORY
from models.record import cpu_amount
from models.service.deadlines import PULL
from models.service.resolved import SETTLE

SHM = "/dev/shm"  # noqa: S108  the kernel's name for it
"""The shared memory in which the processes of the engine communicate."""

_LEAST_GRACE = SETTLE + 30
"""The seconds that a pod of this program has to end in addition to `drain`."""
_DEFAULT_GRACE = 30
"""terminationGracePeriodSeconds of Kubernetes."""
_DEFAULT_PERIOD = 10
"""periodSeconds of a probe of Kubernetes."""


def is_ours(pod: Pod) -> bool:
    """Whether this program made the object."""
    return pod.owner.labels.get(NAME_LABEL) == NAME


def pod_values(
    pod: Pod,
    notes: Notes,
    *,
    after_drain: int,
) -> Values:
    """The keys of a service that its pod determines, defaults included.

    Args:
        pod: The pod.
        notes: Gets a note for everything that is assumed.
        after_drain: The seconds of the grace period after the time for running requests: the server itself ends, or
            others read its KV cache.
    """
    values: Values = {
        "image": pod.container.at("image").text() or None,
        "npus": _npus(pod, notes),
        "replicas": _replicas(pod),
        "resources": _resources(pod),
        "rollout": _rollout(pod),
        "pullSecrets": _pull_secrets(pod) or None,
        "runAsUser": _run_as_user(pod),
        "readOnlyRootFilesystem": has_read_only_root(pod.container) or None,
        "preflight": _preflight(pod),
        **_volcano(pod),
        "drain": _drain(pod, after_drain),
        "startup": _startup(pod),
    }
    if pod.owner.kind != "Deployment" and pod.group is None:
        notes.assume("a Deployment", f"instead of the {pod.owner.kind}", pod.owner)
    for key, value in [*values.items()]:
        if value is None or value == {}:
            del values[key]
    return values


def _preflight(pod: Pod) -> bool | None:
    """False if this program made the pod without a preflight. Pods of others get one."""
    if not is_ours(pod):
        return None
    init_containers = pod.spec.at("initContainers").items()
    names = {container.at("name").text() for container in init_containers}
    return PREFLIGHT in names


def preflight_model(pod: Pod) -> str:
    """The name of the model that the preflight of this program compares the weights with; empty if there is none."""
    if not is_ours(pod):
        return ""
    for container in pod.spec.at("initContainers").items():
        if container.at("name").text() != PREFLIGHT:
            continue
        try:
            expected = json.loads(container.at("args", 0).text())
        except ValueError:
            return ""
        weights = expected.get("weights") if isinstance(expected, dict) else None
        return str(weights.get("model") or "") if isinstance(weights, dict) else ""
    return ""


def graph_cache(pod: Pod) -> str:
    """The directory of the node that keeps compiled graphs; empty if the pod mounts none."""
    for mount in pod.mounts:
        if mount.path == GRAPH_CACHE_DIRECTORY:
            return mount.host_path
    return ""


def warms_up(pod: Pod) -> bool:
    """Whether the pod is ready only after its server has warmed up."""
    command = pod.container.at("startupProbe", "exec", "command")
    return WARM in [item.value for item in command.items()]


def unused_mounts(pod: Pod, used: set[str]) -> Iterator[Note]:
    """A note for each mount that the stack file does not get.

    Args:
        pod: The pod.
        used: The paths in the container that keys stand for.
    """
    for mount in pod.mounts:
        is_converted = mount.path in used
        if is_converted or not mount.path or PLACEHOLDER.search(mount.path):
            continue
        claim = mount.volume.at("persistentVolumeClaim")
        if claim.value is not None:
            name = claim.at("claimName").text() or "NAME"
            why = f"if the claim contains the weights, write model: {{source: {{kind: claim, name: {name}}}}}"
        elif mount.path.rstrip("/") == SHM or (
            mount.path == DIRECTORY and has_read_only_root(pod.container)
        ):
            continue
        else:
            why = "the stack file has no key for further mounts of the server"
        yield dropped(f"the mount {mount.path}", why, mount.volume)


def _replicas(pod: Pod) -> Any:
    """The number of pods; `external` if this program left it to an autoscaler."""
    if pod.replicas is None and is_ours(pod):
        return "external"
    return pod.replicas


def _npus(pod: Pod, notes: Notes) -> int | str | None:
    limit = pod.limits.at(pod.npu)
    request = pod.requests.at(pod.npu)
    amount = limit if limit.value is not None else request
    if not pod.npu or amount.value is None:
        why = "the container requests no NPUs: as many as ASCEND_RT_VISIBLE_DEVICES names, or as the engine uses"
        notes.assume("npus", why, pod.container)
        return None
    is_requested = request.value is not None
    if is_requested and request.text() != limit.text():
        notes.assume(f"npus {amount.text()}", "limit and request differ", amount)
    return _whole(amount.text())


def _whole(text: str) -> int | str:
    """A whole number, or the text if it is none."""
    if text.isdecimal():
        return int(text)
    return text


def _resources(pod: Pod) -> Values:
    values: Values = {}
    requested_cpu = pod.requests.at("cpu").text()
    cpu = requested_cpu or pod.limits.at("cpu").text()
    if cpu:
        values["cpu"] = _cores(cpu)
    memory_limit = pod.limits.at("memory").text()
    memory = memory_limit or pod.requests.at("memory").text()
    if memory:
        values["memory"] = memory
    for mount in pod.mounts:
        size = mount.volume.at("emptyDir", "sizeLimit").text()
        if mount.path.rstrip("/") == SHM and size:
            values["shm"] = size
    return values


def _cores(text: str) -> int | str:
    """A number of CPUs as the stack file accepts it; a text that is no quantity remains."""
    try:
        cores: int | str = cpu_amount(text)
    except ValueError:
        return text
    return cores


def _rollout(pod: Pod) -> Values:
    if pod.group:
        strategy = pod.owner.at("spec", "rolloutStrategy")
        return _rolling_update(strategy.at("rollingUpdateConfiguration"))
    strategy = pod.owner.at("spec", "strategy")
    if strategy.at("type").text() == "Recreate":
        return {"kind": "recreate"}
    return _rolling_update(strategy.at("rollingUpdate"))


def _rolling_update(limits: Object) -> Values:
    """The limits of a rolling update; empty if there are none."""
    numbers: Values = {}
    for key in ("maxSurge", "maxUnavailable"):
        value = limits.at(key).value
        if isinstance(value, int):
            numbers[key] = value
    if not numbers:
        return {}
    return {"kind": "rollingUpdate", **numbers}


def _pull_secrets(pod: Pod) -> list[str]:
    secrets = pod.spec.at("imagePullSecrets").items()
    return [secret.at("name").text() for secret in secrets]


def _run_as_user(pod: Pod) -> Any:
    """The user of the container; the user of the pod if the container has none."""
    of_container = pod.container.at("securityContext", "runAsUser").value
    if of_container is not None:
        return of_container
    return pod.spec.at("securityContext", "runAsUser").value


def _volcano(pod: Pod) -> Values:
    """The keys that Volcano's annotations and the priority determine."""
    values: Values = {}
    of_owner = pod.owner.annotations
    of_pod = pod.template.annotations
    min_member = of_owner.get(MIN_MEMBER) or of_pod.get(MIN_MEMBER)
    min_member = min_member or pod.owner.at("spec", "minAvailable").value
    if min_member and str(min_member).isdecimal():
        values["minMember"] = int(min_member)
    elif min_member:
        values["minMember"] = min_member
    queue = queue_of(pod)
    if queue:
        values["queue"] = queue
    priority = pod.spec.at("priorityClassName").text()
    if priority:
        values["priorityClass"] = priority
    return values


def queue_of(pod: Pod) -> str:
    """Volcano's queue in which a pod waits; empty if the files name none."""
    of_pod = pod.template.annotations.get(QUEUE_NAME)
    of_owner = pod.owner.annotations.get(QUEUE_NAME)
    return str(of_pod or of_owner or pod.owner.at("spec", "queue").text())


def _drain(pod: Pod, after_drain: int) -> str | None:
    """The time for running requests, which the grace period includes."""
    grace = pod.spec.at("terminationGracePeriodSeconds").value
    if not isinstance(grace, int) or grace < _LEAST_GRACE + after_drain:
        return None
    if grace == _DEFAULT_GRACE and not is_ours(pod):
        return None
    return f"{grace - _LEAST_GRACE - after_drain}s"


def _startup(pod: Pod) -> str | None:
    """The time for the start, which the startup probe allows."""
    probe = pod.container.at("startupProbe")
    period = probe.at("periodSeconds").value or _DEFAULT_PERIOD
    failures = probe.at("failureThreshold").value
    if not isinstance(period, int) or not isinstance(failures, int):
        return None
    grace = pod.spec.at("terminationGracePeriodSeconds").value
    deadline = pod.owner.at("spec", "progressDeadlineSeconds").value
    seconds = period * failures
    has_both = isinstance(grace, int) and isinstance(deadline, int)
    if has_both and is_ours(pod):
        seconds = deadline - grace - PULL
    return f"{seconds}s"
