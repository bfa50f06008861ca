"""The keys of a service whose server is divided over several nodes."""

from __future__ import annotations

import re

from convert.keys.pod import is_ours
from convert.minimal import Values
from convert.note import Place
from convert.pods import Pod
from convert.server.command_line import OUTPUT_AFTER, Flags
from convert.server_start import Argument
from models.launch.launch import LAUNCH_DIRECTORY
from models.launch.scripts import MEMBER
from models.manifests.kv_transfer import PAIR_LABEL

_RAY = {
    "distributed-executor-backend": "ray",
    "data-parallel-backend": "ray",
    "worker-use-ray": True,
}
"""Flags with the values that choose Ray, which does not connect the pods of a group."""
_OPTION = re.compile(r"--(port|startup)=(\d+)")
_HCCL_PORT = "HCCL_IF_BASE_PORT"


def remove_group_flags(flags: Flags, pod: Pod) -> None:
    """Remove the flags that follow from `nodes`."""
    if pod.group is None:
        if not is_ours(pod):
            _remove_addresses(flags, pod)
        return
    for name in pod.engine.release.flags_of_groups:
        flags.values.pop(name, None)
    if pod.rank is not None:
        of_workers = [
            note for note in flags.notes if note.subject.startswith(OUTPUT_AFTER)
        ]
        for note in of_workers:
            flags.notes.remove(note)
    for name, value in _RAY.items():
        if flags.values.get(name) == value:
            del flags.values[name]


def _remove_addresses(flags: Flags, pod: Pod) -> None:
    """Remove the addresses of a leader from the flags of a whole server: they are those of another machine."""
    for name in ("data-parallel-address", "master-addr"):
        address = flags.values.get(name)
        if address in (None, "localhost", "127.0.0.1"):
            continue
        del flags.values[name]
        place = flags.places.get(name, Place(pod.start.file))
        flags.notes.replace(f"--{name}", "the whole server runs in its pod", place)


def group_values(pod: Pod) -> Values:
    """The keys `nodes` and `group`, and `startup`, which the script of a group contains."""
    if pod.group is None:
        return {}
    group: Values = {}
    if pod.group.port:
        group["port"] = pod.group.port
    hccl_port = pod.start.environment.get(_HCCL_PORT)
    if hccl_port and hccl_port.text.isdecimal() and is_on_host_network(pod):
        group["hcclPort"] = int(hccl_port.text)
    values: Values = {"nodes": pod.group.nodes, "group": group}
    options = _member_options(pod)
    if "port" in options:
        group["memberPort"] = options["port"]
    if "startup" in options:
        values["startup"] = f"{options['startup']}s"
    return values


def is_on_host_network(pod: Pod) -> bool:
    """Whether a pod of a group has the network of its node. The program then names the ports of the group."""
    if is_ours(pod) and len(pod.container.at("ports").items()) < 2:
        return False
    return pod.spec.at("hostNetwork").value is True


def without_group_flags(arguments: list[Argument], pod: Pod) -> list[str]:
    """The words of a command of this program without the flags that follow from `nodes` and `kvTransfer`."""
    names = {f"--{flag}" for flag in pod.engine.release.flags_of_groups}
    if PAIR_LABEL in pod.template.labels:
        names.add("--kv-transfer-config")
    texts = [argument.text for argument in arguments]
    return [text for text in texts if text.partition("=")[0] not in names]


def _member_options(pod: Pod) -> dict[str, int]:
    """The options of the program that keeps a group of this program together."""
    if not is_ours(pod):
        return {}
    for file in pod.files():
        _, found, line = file.text.partition(f"{LAUNCH_DIRECTORY}/{MEMBER}")
        if found:
            first_line, _, _ = line.partition("\n")
            return {name: int(number) for name, number in _OPTION.findall(first_line)}
    return {}
