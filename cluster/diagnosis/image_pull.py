"""Why the image of a container is not on the node: wrong name, no access, no registry, or it is still being pulled."""

from __future__ import annotations

import re

from cluster.diagnosis.container_start import shortened
from cluster.pods import containers, node_of, waiting
from cluster.snapshot import Object, Snapshot, moment
from models.finding import Finding
from models.words import duration

_IMAGE_ERRORS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
)
_PULL_EVENTS = ("Pulling", "Pulled", "Failed", "Started")

_NOT_FOUND = re.compile(
    r"not found|manifest unknown|does not exist|name unknown|no such image",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"unauthorized|denied|authentication required|no basic auth|forbidden|\b40[13]\b",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"no such host|time ?out|connection refused|unreachable|x509|tls|EOF|reset by peer",
    re.IGNORECASE,
)
_BACK_OFF = re.compile(r'Back-off pulling image "[^"]*"')


def image(pod: Object, snapshot: Snapshot) -> Finding | None:
    """The image cannot be pulled."""
    for container in containers(pod):
        reason = str(waiting(container).get("reason"))
        if reason not in _IMAGE_ERRORS:
            continue
        text = _pull_error(pod, container, snapshot)
        return _image_error(
            reason,
            image_name=str(container.get("image")),
            text=text,
            node=node_of(pod),
        )
    return None


def _pull_error(pod: Object, container: Object, snapshot: Snapshot) -> str:
    """The message about a failed pull. A container that backs off may state only that; then an event has the error."""
    message = str(waiting(container).get("message") or "")
    if message and not _BACK_OFF.fullmatch(message):
        return message
    for event in snapshot.events_of(pod):
        text = str(event.get("message"))
        if event.get("reason") == "Failed" and "Failed to pull image" in text:
            return text
    return ""


def _image_error(reason: str, *, image_name: str, text: str, node: str) -> Finding:
    why = f"the node reports: {shortened(text or reason)}"
    if reason == "InvalidImageName":
        return Finding(
            "image-name",
            "error",
            f"{image_name} is not a valid image name",
            why=why,
            fix="correct `image`: registry/repository:tag",
        )
    if reason == "ErrImageNeverPull":
        return Finding(
            "image-not-found",
            "error",
            f"the node {node} does not have the image {image_name}, and may not pull it",
            why=why,
            fix="load the image on every node, or allow the pull",
        )
    if _DENIED.search(text):
        return Finding(
            "image-unauthorized",
            "error",
            f"the registry refuses access to {image_name}",
            why=why,
            fix="name a Secret with registry credentials under pullSecrets, or correct `image`",
        )
    if _NOT_FOUND.search(text):
        return Finding(
            "image-not-found",
            "error",
            f"the image {image_name} does not exist",
            why=why,
            fix="correct `image`, or push it",
        )
    if _NETWORK.search(text):
        return Finding(
            "image-registry",
            "error",
            f"the registry of {image_name} does not answer",
            why=why,
            fix=f"check that {node} reaches the registry: DNS, proxy, certificate",
        )
    return Finding(
        "image-pull",
        "error",
        f"the image {image_name} cannot be pulled",
        why=why,
        fix="to see more, pull it on the node: crictl pull",
    )


def pulling(pod: Object, snapshot: Snapshot) -> Finding | None:
    """The image is being pulled, without a sign of an error."""
    events = [
        event
        for event in snapshot.events_of(pod)
        if event.get("reason") in _PULL_EVENTS
    ]
    if not events or events[0].get("reason") != "Pulling":
        return None
    elapsed = (snapshot.at - moment(events[0])).total_seconds()
    return Finding(
        "pulling-image",
        "warning",
        f"pulling the image for {duration(elapsed)}",
        why=f"the node {node_of(pod)} does not have it yet; an image with CANN and vLLM has 10 to 20 GB",
        fix="wait; for a faster start, pull it on every node beforehand (crictl pull)",
    )
