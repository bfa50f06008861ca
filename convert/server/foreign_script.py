"""Finds the command of a server that another container writes when the pod starts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convert.mounts import Mount, mounts_of
from convert.objects import Object
from convert.server.container_command import command_words
from convert.workloads import templates


def container_with_script_of_another(owner: Object) -> str:
    """The script that a container runs from a volume which another container writes; empty if there is none."""
    for keys in templates(owner):
        script = _script_of_another(owner.at(*keys, "spec"))
        if script:
            return script
    return ""


def _script_of_another(spec: Object) -> str:
    """The script that a container of a pod runs from a volume which another container writes."""
    containers = [*spec.at("containers").items(), *spec.at("initContainers").items()]
    for container in spec.at("containers").items():
        words = [
            *command_words(container.at("command")),
            *command_words(container.at("args")),
        ]
        text = " ".join(word.text() for word in words)
        for mount in mounts_of(spec, container):
            is_written = mount.volume_kind == "emptyDir" and _is_shared(
                mount, containers
            )
            path = re.escape(mount.path.rstrip("/"))
            found = re.search(rf"{path}/[\w./-]+", text)
            if mount.path and is_written and found:
                return found[0]
    return ""


def _is_shared(mount: Mount, containers: Sequence[Object]) -> bool:
    """Whether several containers mount the volume of a mount."""
    users = 0
    for container in containers:
        mounts = container.at("volumeMounts").items()
        if any(entry.at("name").text() == mount.volume_name for entry in mounts):
            users += 1
    return users > 1
