"""Why the containers of a pod that has a node do not start: image, mounts, configuration."""

from __future__ import annotations

import re

from cluster.findings import found
from cluster.pods import containers, node_of, waiting
from cluster.snapshot import Object, Seen, moment
from models.finding import Finding
from models.manifests.launch_map import VOLUME
from models.manifests.weights import DRAFT_VOLUME, MODEL_VOLUME
from models.words import duration

_PURPOSE = {
    "ascend-driver": "the NPU driver of the node",
    "ascend-add-ons": "the add-ons of the NPU driver",
    "hccn": "the addresses of the NPUs' network, which HCCL reads",
    "localtime": "the time zone of the node",
    "npu-smi": "the tool that tells of the NPUs",
    MODEL_VOLUME: "the model's weights",
    DRAFT_VOLUME: "the draft model's weights",
    VOLUME: "the launch script",
}
"""What the volumes of a service are for, by name."""

_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_CREATE = ("CreateContainerError", "RunContainerError", "CreateContainerConfigError")
_NOT_FOUND = re.compile(r"not found|manifest unknown|does not exist|name unknown|no such image", re.IGNORECASE)
_DENIED = re.compile(r"unauthorized|denied|authentication required|no basic auth|forbidden|\b40[13]\b", re.IGNORECASE)
_NETWORK = re.compile(
    r"no such host|time ?out|connection refused|unreachable|x509|tls|EOF|reset by peer", re.IGNORECASE
)


def image(pod: Object, seen: Seen) -> Finding | None:
    """The image cannot be had."""
    for container in containers(pod):
        reason = waiting(container).get("reason")
        if reason in _IMAGE:
            return _image_found(str(reason), str(container.get("image")), _pull_message(pod, container, seen), pod)
    return None


def pulling(pod: Object, seen: Seen) -> Finding | None:
    """The image is under way, and there is no sign that it will not come."""
    latest = next((e for e in seen.events_of(pod) if e.get("reason") in ("Pulling", "Pulled", "Failed", "Started")), {})
    if latest.get("reason") != "Pulling":
        return None
    span = duration((seen.at - moment(latest)).total_seconds())
    return found(
        "pulling-image",
        f"pulling the image for {span}",
        why=f"the node {node_of(pod)} does not have it yet; an image with CANN and vLLM has 10 to 20 GB",
        fix="wait; to start faster, pull it on every node before (crictl pull)",
        severity="warning",
    )


def mounts(pod: Object, seen: Seen) -> Finding | None:
    """A volume cannot be mounted."""
    if containers_known(pod) and not any(waiting(container) for container in containers(pod)):
        return None
    for event in seen.events_of(pod):
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            if "timed out waiting for the condition" not in (text := str(event.get("message"))):
                return _mount_found(text, pod)
        elif event.get("reason") in ("Pulling", "Pulled", "Created", "Started"):
            return None
    return None


def containers_known(pod: Object) -> bool:
    """Whether the node has said anything of the pod's containers."""
    return any(True for _ in containers(pod))


def configuration(pod: Object, seen: Seen) -> Finding | None:
    """A container cannot be made of what its pod says."""
    for container in containers(pod):
        reason, text = waiting(container).get("reason"), str(waiting(container).get("message") or "")
        if reason == "CreateContainerConfigError" and "subPath" in text:
            return found(
                "container-config",
                f"the container cannot be made: {text}",
                why="the claim with the weights has no such directory, and the pod may not write to it",
                fix="correct model.source.directory, or put the weights there",
            )
        if reason == "CreateContainerConfigError":
            return found(
                "container-config",
                f"the container cannot be made: {text}",
                why="a Secret or ConfigMap that the pod refers to, as server.apiKey does, is missing or lacks the key",
                fix=f"make it in the namespace {seen.namespace}, or correct the name and key in the stack file",
            )
        if reason in _CREATE:
            return found(
                "container-create",
                f"the container cannot be started: {text}",
                why="the node's runtime refuses it: a program that the image lacks, a device, a mount",
                fix="correct what the message names; see whether the image suits the node's architecture",
            )
    return None


def sandbox(pod: Object, seen: Seen) -> Finding | None:
    """The node cannot prepare the pod at all."""
    latest = next(seen.events_of(pod), {})
    if latest.get("reason") != "FailedCreatePodSandBox":
        return None
    return found(
        "pod-sandbox",
        f"the node {node_of(pod)} cannot prepare the pod: {_short(str(latest.get('message')))}",
        why="network plugin or container runtime of the node fails",
        fix="mend the node, or cordon it and delete the pod",
    )


def _image_found(reason: str, name: str, text: str, pod: Object) -> Finding:
    said = f"the node says: {_short(text or reason)}"
    if reason == "InvalidImageName":
        fix = "correct `image`: registry/repository:tag"
        return found("image-name", f"{name} is no name of an image", why=said, fix=fix)
    if reason == "ErrImageNeverPull":
        message = f"the node {node_of(pod)} has no image {name}, and may not pull it"
        return found("image-not-found", message, why=said, fix="load it on every node, or let it be pulled")
    if _DENIED.search(text):
        fix = "give the nodes or the namespace's service account credentials of the registry; check the name"
        return found("image-unauthorized", f"the registry refuses {name}", why=said, fix=fix)
    if _NOT_FOUND.search(text):
        return found("image-not-found", f"there is no image {name}", why=said, fix="correct `image`, or push it")
    if _NETWORK.search(text):
        fix = f"see whether {node_of(pod)} reaches the registry: DNS, proxy, certificate"
        return found("image-registry", f"the registry of {name} does not answer", why=said, fix=fix)
    fix = "pull it by hand on the node to see more: crictl pull"
    return found("image-pull", f"the image {name} cannot be pulled", why=said, fix=fix)


def _pull_message(pod: Object, container: Object, seen: Seen) -> str:
    """Why the pull failed; a container that backs off may say only that it does."""
    own = str(waiting(container).get("message") or "")
    events = (str(event.get("message")) for event in seen.events_of(pod) if event.get("reason") == "Failed")
    heard = next((text for text in events if "Failed to pull image" in text), "")
    return heard if re.fullmatch(r'Back-off pulling image "[^"]*"|', own) else own


def _mount_found(text: str, pod: Object) -> Finding:
    volume = (re.search(r'volume "([^"]+)"', text) or ["", ""])[1]
    purpose = _PURPOSE.get(volume) or ("an adapter's weights" if volume.startswith("lora-path-") else "")
    host = re.search(r"hostPath type check failed: (\S+) is not an? (\w+)", text)
    what = f" ({purpose})" if purpose else ""
    if host:
        return found(
            "failed-mount",
            f"the node {node_of(pod)} has no {host[2]} {host[1]}{what}",
            why=f"the pod mounts it from the node as volume {volume}, and must not start without it",
            fix="mend or cordon the node, or correct the path: cluster.platform, or model.source for weights",
        )
    missing = re.search(r'(configmap|secret) "([^"]+)" not found', text)
    if missing:
        kind = {"configmap": "ConfigMap", "secret": "Secret"}[missing[1]]
        return found(
            "failed-mount",
            f"the {kind} {missing[2]}{what} does not exist",
            why=f"the pod mounts it as volume {volume}",
            fix="run pulumi up, which makes it again (after pulumi refresh)"
            if volume == VOLUME
            else f"make the {kind}",
        )
    return found(
        "failed-mount",
        f"the volume {volume}{what} cannot be mounted",
        why=f"the node {node_of(pod)} says: {_short(text)}",
        fix="mend what the message names on the node",
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 300 else flat[:300] + " …"
