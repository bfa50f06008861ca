"""The engine release that a pod runs."""

from __future__ import annotations

from cluster.snapshot import Object, labels_of
from models.engines.release import Release
from models.engines.releases import DEFAULT_VERSION, VERSIONS, release
from models.manifests.metadata import VERSION_LABEL


def release_of_pod(pod: Object) -> Release:
    """The release in the pod's label; the default release for a pod without it, such as that of the smoke Job.

    During an update to another release, the old pods still run the old release, so the stack file does not show it.
    """
    version = labels_of(pod).get(VERSION_LABEL, "")
    if version not in VERSIONS:
        version = DEFAULT_VERSION
    return release(version)
