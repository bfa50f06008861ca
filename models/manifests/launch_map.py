"""The ConfigMap with the launch script. It replaces the manual's directory on every node."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from models.launch.launch import LAUNCH_DIRECTORY, SCRIPT, Launch, script
from models.manifests.metadata import Manifest
from models.manifests.node_mounts import read_only

VOLUME = "node-path"
"""Name of the volume, the manual's."""


def launch_map(start: Launch, metadata: Manifest) -> Manifest:
    """The script and its files, in a ConfigMap whose name contains a hash of their content.

    A changed launch has a new name: the pods restart, and the old ConfigMap is deleted last. A revert restores the old
    name.

    Args:
        start: The launch.
        metadata: Metadata of the service's objects. The name of the ConfigMap starts with its name.
    """
    data = {SCRIPT: script(start), **start.files}
    name = f"{metadata['name']}-launch-{content_hash(data)}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, "name": name},
        "immutable": True,
        "data": data,
    }


def content_hash(data: Mapping[str, str]) -> str:
    """Ten hexadecimal digits of the SHA-256 of files by name."""
    canonical = json.dumps(data, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:10]


def launch_volume(map_name: str) -> Manifest:
    """The volume of a launch ConfigMap: every file is executable, none writable."""
    return {"name": VOLUME, "configMap": {"name": map_name, "defaultMode": 0o555}}


def launch_volume_mount() -> Manifest:
    """Where the container sees the launch ConfigMap."""
    return read_only(VOLUME, LAUNCH_DIRECTORY)


def launch_command() -> Manifest:
    """How the container starts the script: the manual's `/bin/bash -c` and the path."""
    return {"command": ["/bin/bash", "-c"], "args": [f"{LAUNCH_DIRECTORY}/{SCRIPT}"]}
