"""A service as its pod has it: every key written out, then the smallest that makes the same objects."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from convert.cluster_keys import platform_mounts
from convert.flags import Flags, read_flags
from convert.launch_keys import Launched, launch_values, visible_devices
from convert.note import Note
from convert.paths import Paths
from convert.pod_keys import graph_cache, is_ours, pod_values, unused_mounts, warms_up
from convert.pods import Pod, secret_references
from convert.small import smallest
from convert.stand_in import stand_in, value_at
from models.catalog.platforms import PLATFORMS
from models.launch.init_steps import MIND_SPEED_DIRECTORY
from models.launch.launch import LAUNCH_DIRECTORY, launch
from models.manifests import service_objects
from models.stack_file.service import ServiceConfig

Values = dict[str, Any]

_ORDER = [info.alias or name for name, info in ServiceConfig.model_fields.items()]


@dataclass
class Draft:
    """A service on its way into the stack file."""

    name: str
    pod: Pod
    flags: Flags
    values: Values
    notes: list[Note] = field(default_factory=list)


def draft(name: str, pod: Pod, cluster: Values) -> Draft:
    """The service of a pod.

    Args:
        name: What it is called.
        pod: The container with its start.
        cluster: The keys of its cluster.
    """
    flags = read_flags(pod.start.arguments, pod.start.kind, pod.start.file)
    start = pod.start
    for prepared in pod.prepared:
        start.mind_speed = start.mind_speed or prepared.mind_speed
        start.conversion = start.conversion or prepared.conversion
    path = start.environment.get("PYTHONPATH")
    if path and path.text.startswith(MIND_SPEED_DIRECTORY):
        start.mind_speed = start.mind_speed or {"repository": ""}  # the manual's, where its step is not seen
    start.warm_up = start.warm_up or warms_up(pod)
    port = pod.container.at("ports", 0, "containerPort").text()
    paths = Paths(pod.mounts, {file.name: file.text for file in pod.files()})
    launched = Launched(start, flags, paths, port)
    devices = dict(visible_devices(launched))
    values = {**launch_values(launched), **devices}
    values |= pod_values(pod, launched.notes)
    if values.get("graph", {}).get("kind") == "pta" and (cache := graph_cache(pod)):
        values["graph"]["cache"] = cache
    references = secret_references(pod.container)
    if key := references.pop("VLLM_API_KEY", None):
        values["server"]["apiKey"] = key
    values["env"] = {**references, **(values.get("env") or {})}
    values = {key: values[key] for key in _ORDER if values.get(key) not in (None, {})}
    values = _in_their_order(name, values, cluster, pod)
    notes = [*flags.notes, *launched.notes, *unused_mounts(pod, _used_mounts(pod, values))]
    return Draft(name, pod, flags, _smallest(name, values, cluster), notes)


def _smallest(name: str, values: Values, cluster: Values) -> Values:
    """Leave out what equals the default; what has no shape stays as it is."""
    whole = stand_in(name, values, cluster)
    if whole.service is None:
        return values
    wanted = list(service_objects(whole.service))

    def same(tried: Values) -> bool:
        if any(value_at(tried, keys) != value_at(values, keys) for keys in whole.odd):
            return False
        stood = stand_in(name, tried, cluster)
        return stood.odd == whole.odd and stood.service is not None and list(service_objects(stood.service)) == wanted

    return smallest(values, same)


def _in_their_order(name: str, values: Values, cluster: Values, pod: Pod) -> Values:
    """Further flags where this program had them: of the groups that give the same order, else the usual ones."""
    if not is_ours(pod):
        return values
    words = [word.text for word in pod.start.arguments]
    for candidate in _groupings(values):
        service = stand_in(name, candidate, cluster).service
        if service and list(launch(service).argv[3:]) == words:
            return candidate
    return values


def _groupings(values: Values) -> Iterator[Values]:
    yield values
    engine, server = (values.get(group, {}).get("extraArgs") or {} for group in ("engine", "server"))
    whole = {**engine, **server}
    names = sorted(whole)
    for first in [names, *([one for one in names if one not in second] for second in _seconds(names))]:
        tried = copy.deepcopy(values)
        tried["engine"]["extraArgs"] = {key: whole[key] for key in first}
        tried["server"]["extraArgs"] = {key: whole[key] for key in names if key not in first}
        yield tried


def _seconds(names: Sequence[str]) -> Iterator[list[str]]:
    """The subsets of a few names."""
    for number in range(1, 2 ** min(len(names), 8)):
        yield [name for index, name in enumerate(names) if number >> index & 1]


def _used_mounts(pod: Pod, values: Values) -> set[str]:
    """The mounts that a key stands for, or that only brought the script."""
    known = next((one for one in PLATFORMS.values() if one.resource == pod.npu), PLATFORMS["cce"])
    used = {mount.path for mount in platform_mounts(pod, known).values()}
    guess = values.get("speculative", {}).get("source", "")
    sources = [values.get("model", {}).get("source", ""), guess, *values.get("lora", {}).get("adapters", {}).values()]
    for mount in pod.mounts:
        holds = any(
            str(source) == mount.host_path or str(source).startswith(mount.host_path.rstrip("/") + "/")
            for source in sources
        )
        ours = mount.path.startswith(f"{LAUNCH_DIRECTORY.rpartition('/')[0]}/") or mount.volume.at("configMap").value
        if (mount.host_path and holds) or ours or _brings_the_script(pod, mount.path):
            used.add(mount.path)
    return used


def _brings_the_script(pod: Pod, path: str) -> bool:
    """Whether the script that is started lies below a mount."""
    words = [item.text() for key in ("command", "args") for item in pod.container.at(key).items()]
    return bool(path) and any(re.search(rf"(^|[\s;&'\"]){re.escape(path.rstrip('/'))}/", word) for word in words)
