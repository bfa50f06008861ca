"""Why the containers of a pod do not start although the pod has a node: mounts, configuration, sandbox."""

from __future__ import annotations

import re

from cluster.pods import containers, node_of, waiting
from cluster.snapshot import Object, Snapshot, one_line
from models.finding import Finding
from models.manifests.launch_map import VOLUME
from models.manifests.weights import DRAFT_VOLUME, MODEL_VOLUME

_VOLUME_CONTENT = {
    "ascend-driver": "the NPU driver of the node",
    "ascend-add-ons": "the add-ons of the NPU driver",
    "hccn": "the NPU network addresses that HCCL reads",
    "localtime": "the time zone of the node",
    "npu-smi": "the tool npu-smi",
    MODEL_VOLUME: "the model's weights",
    DRAFT_VOLUME: "the draft model's weights",
    VOLUME: "the launch script",
}
"""The contents of the volumes of a service, by name."""

_CREATE_ERRORS = ("CreateContainerError", "RunContainerError")
_MOUNT_FAILED = ("FailedMount", "FailedAttachVolume")
_MOUNTED = ("Pulling", "Pulled", "Created", "Started")

_HOST_PATH_MISSING = re.compile(r"hostPath type check failed: (\S+) is not an? (\w+)")
_OBJECT_MISSING = re.compile(r'(configmap|secret) "([^"]+)" not found')
_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}

_NO_RUNTIME = re.compile(
    r"(?:no runtime for|failed to find runtime handler|unknown runtime handler|RuntimeHandler)"
    r"\s[\\\"]*(?P<handler>[\w.-]+)"
)
"""The refusals of containerd, CRI-O and cri-dockerd."""

_LONGEST = 300
"""Characters of a message of the node that a finding shows."""


def mounts(pod: Object, snapshot: Snapshot) -> Finding | None:
    """A volume cannot be mounted."""
    statuses = containers(pod)
    if statuses and not any(waiting(container) for container in statuses):
        return None
    for event in snapshot.events_of(pod):
        reason = event.get("reason")
        text = str(event.get("message"))
        if (
            reason in _MOUNT_FAILED
            and "timed out waiting for the condition" not in text
        ):
            return _mount_failed(text, pod)
        if reason in _MOUNTED:
            return None
    return None


def _mount_failed(text: str, pod: Object) -> Finding:
    volume = _volume_name(text)
    content = _content(volume)

    path = _HOST_PATH_MISSING.search(text)
    if path:
        return Finding(
            "failed-mount",
            "error",
            f"the node {node_of(pod)} has no {path[2]} {path[1]}{content}",
            why=f"the pod mounts it from the node as volume {volume}, and cannot start without it",
            fix="repair or cordon the node, or correct the path: cluster.platform, or model.source for weights",
        )

    missing = _OBJECT_MISSING.search(text)
    if missing:
        kind = _KINDS[missing[1]]
        fix = f"create the {kind}"
        if volume == VOLUME:
            fix = "run pulumi refresh and then pulumi up, which creates it again"
        return Finding(
            "failed-mount",
            "error",
            f"the {kind} {missing[2]}{content} does not exist",
            why=f"the pod mounts it as volume {volume}",
            fix=fix,
        )

    return Finding(
        "failed-mount",
        "error",
        f"the volume {volume}{content} cannot be mounted",
        why=f"the node {node_of(pod)} reports: {shortened(text)}",
        fix="fix the problem in the message on the node",
    )


def _volume_name(text: str) -> str:
    match = re.search(r'volume "([^"]+)"', text)
    if match is None:
        return ""
    return match[1]


def _content(volume: str) -> str:
    """The content of a volume, in parentheses; empty if it is unknown."""
    if volume in _VOLUME_CONTENT:
        return f" ({_VOLUME_CONTENT[volume]})"
    if volume.startswith("lora-path-"):
        return " (an adapter's weights)"
    return ""


def configuration(pod: Object, snapshot: Snapshot) -> Finding | None:
    """A container cannot be created from the spec of its pod."""
    for container in containers(pod):
        state = waiting(container)
        reason = state.get("reason")
        text = str(state.get("message") or "")
        if reason == "CreateContainerConfigError":
            return _configuration_error(text, snapshot.namespace)
        if reason in _CREATE_ERRORS:
            return Finding(
                "container-create",
                "error",
                f"the container cannot be started: {text}",
                why="the container runtime of the node rejects it: a missing program, a device or a mount",
                fix="fix the problem in the message; check that the image is built for the node's architecture",
            )
    return None


def _configuration_error(text: str, namespace: str) -> Finding:
    if "subPath" in text:
        return Finding(
            "container-config",
            "error",
            f"the container cannot be created: {text}",
            why="the claim with the weights has no such directory, and the pod may not create it",
            fix="correct model.source.directory, or copy the weights there",
        )
    return Finding(
        "container-config",
        "error",
        f"the container cannot be created: {text}",
        why="a Secret or ConfigMap that the pod refers to, such as server.apiKey, is missing or lacks the key",
        fix=f"create it in the namespace {namespace}, or correct the name and key in the stack file",
    )


def sandbox(pod: Object, snapshot: Snapshot) -> Finding | None:
    """The node cannot set up the pod at all."""
    events = snapshot.events_of(pod)
    if not events or events[0].get("reason") != "FailedCreatePodSandBox":
        return None
    text = shortened(str(events[0].get("message")))
    no_runtime = _NO_RUNTIME.search(text)
    if no_runtime:
        return _no_runtime(pod, no_runtime["handler"])
    return Finding(
        "pod-sandbox",
        "error",
        f"the node {node_of(pod)} cannot set up the pod: {text}",
        why="the network plugin or the container runtime of the node fails",
        fix="repair the node, or cordon it and delete the pod",
    )


def _no_runtime(pod: Object, handler: str) -> Finding:
    """The RuntimeClass of a pod names a container runtime that the node does not have."""
    runtime_class = pod["spec"].get("runtimeClassName") or handler
    return Finding(
        "pod-sandbox",
        "error",
        f"the node {node_of(pod)} has no container runtime {handler}",
        why=f"the pod's RuntimeClass {runtime_class} requests it, and the configuration of containerd does not have it",
        fix="install the Ascend Docker Runtime on the node and restart containerd; or remove runtimeClassName from"
        " podTemplate.spec: the program mounts the driver itself",
    )


def shortened(text: str) -> str:
    """A message on one line, cut off if it is long."""
    line = one_line(text)
    if len(line) <= _LONGEST:
        return line
    return f"{line[:_LONGEST]} …"
