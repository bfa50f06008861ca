"""The ConfigMap with the launch script, in the place of the manual's directory on every node."""

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
    """The script and the files beside it, under a name made of their content.

    A changed launch has a new name, so the pods roll and the old map goes last; a revert gets its old name back.

    Args:
        start: The launch.
        metadata: Metadata of the service's objects; its name is the beginning of the map's.
    """
    data = {SCRIPT: script(start), **start.files}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, "name": f"{metadata['name']}-launch-{content_hash(data)}"},
        "immutable": True,
        "data": data,
    }


def content_hash(data: Mapping[str, str]) -> str:
    """Ten hexadecimal digits that stand for the content of files."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:10]


def launch_volume(map_name: str) -> Manifest:
    """The volume of a launch map; every file may be executed, none written."""
    return {"name": VOLUME, "configMap": {"name": map_name, "defaultMode": 0o555}}


def launch_volume_mount() -> Manifest:
    """Where the container sees the launch map."""
    return read_only(VOLUME, LAUNCH_DIRECTORY)


def launch_command() -> Manifest:
    """How the container starts the script: the manual's `/bin/bash -c` and its path."""
    return {"command": ["/bin/bash", "-c"], "args": [f"{LAUNCH_DIRECTORY}/{SCRIPT}"]}
