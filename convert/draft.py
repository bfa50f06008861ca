"""Drafts a service from its pod: all keys written out first, then only those that make a difference."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pydantic.alias_generators import to_camel

from convert.keys.api_key import api_key_of_secret
from convert.keys.claims import CLAIM
from convert.keys.cluster import default_mounts, platform_mounts
from convert.keys.group import (
    group_values,
    remove_group_flags,
    without_group_flags,
)
from convert.keys.kv_transfer import keeps_kv_cache, take_pair
from convert.keys.launch import launch_values
from convert.keys.launched import Launched
from convert.keys.pod import (
    graph_cache,
    is_ours,
    pod_values,
    preflight_model,
    unused_mounts,
    warms_up,
)
from convert.keys.pod_template import pod_patch
from convert.minimal import Values, minimal
from convert.mounts import Mount
from convert.node_paths import NodePaths
from convert.note import Notes, Place
from convert.placeholder import filled
from convert.pods import Pod
from convert.server.command import server_command, words_of
from convert.server.command_line import Flags, read_flags
from convert.server.container_environment import references_of
from convert.server_start import Start
from convert.stand_in import stand_in, value_at
from models.engines.group import VARIABLES_OF_GROUPS
from models.engines.vllm_ascend.drain import SHUTDOWN_FLAG
from models.launch.group import member_of
from models.launch.init_steps import MIND_SPEED_DIRECTORY
from models.launch.launch import LAUNCH_DIRECTORY, launch, launch_of_rank
from models.manifests import service_objects
from models.service.resolved import KV_READERS, ResolvedService
from models.stack_file.keys.service import ServiceConfig

_KEYS = [info.alias or name for name, info in ServiceConfig.model_fields.items()]
"""The keys of a service in the order of the stack file."""
_SOURCE = ("model", "source")
"""The source of the weights. Its size concerns the claim and not the pods, so it is never shortened."""
_SHUTDOWN_KEY = to_camel(SHUTDOWN_FLAG.replace("-", "_"))
"""The further flag that the program writes itself, as `drain` says."""
_NUMBER = re.compile(r"[0-9]+")
"""A model that is a number: pages write one where the reader is to put a name."""
_MODEL_PLACEHOLDER = "${model}"
_MOST_MOVED_FLAGS = 8
"""How many further flags are tried under `server` instead of `engine`."""


@dataclass
class Draft:
    """A service of the future stack file."""

    name: str
    pod: Pod
    flags: Flags
    values: Values
    """Its keys, without scalars that stand for records."""
    notes: Notes = field(default_factory=Notes)
    kv_transfer: Mapping[str, Any] = field(default_factory=dict)
    """The value of `--kv-transfer-config` of a service of this program that is one of a pair."""


def draft(
    name: str,
    pod: Pod,
    cluster: Values,
    settings: Mapping[str, str],
    claims: Mapping[str, Values],
    additional: Values,
) -> Draft:
    """Draft the service of a pod.

    Args:
        name: The name of the service.
        pod: The container with its start.
        cluster: The keys of its cluster.
        settings: The values of `--set`, by name.
        claims: The claims that the stack creates, with their sizes.
        additional: The keys that other objects than the pod determine.
    """
    start = pod.start
    engine = pod.engine.release
    api_key = api_key_of_secret(start.arguments, references_of(pod.container))
    start.arguments = api_key.arguments
    flags = read_flags(start.arguments, start.kind, start.file, engine)
    _replace_numbered_model(flags, settings, start.file)
    remove_group_flags(flags, pod)
    pair = take_pair(flags, pod)
    _add_preparations(start, pod)
    files = {file.name: file.text for file in pod.files()}
    port = pod.container.at("ports", 0, "containerPort")
    launched = Launched(
        start=start,
        flags=flags,
        engine=pod.engine,
        paths=NodePaths(pod.mounts, files),
        port=port.text(),
        is_ours=is_ours(pod),
        settings=settings,
        claims=claims,
        model_name=preflight_model(pod),
    )
    if pod.group:
        launched.used_variables.update(VARIABLES_OF_GROUPS)
    values = _all_values(pod, launched, additional, pair)
    if api_key.secret:
        values["server"]["apiKey"] = dict(api_key.secret)
    if is_ours(pod):
        values = _with_original_order(name, values, cluster, pod)
    notes = Notes(flags.notes)
    notes += launched.notes
    notes += unused_mounts(pod, _used_mounts(pod, values))
    return Draft(
        name=name,
        pod=pod,
        flags=flags,
        values=_minimal_service(name, values, cluster),
        notes=notes,
        kv_transfer=pair,
    )


def _replace_numbered_model(
    flags: Flags,
    settings: Mapping[str, str],
    file: str,
) -> None:
    """Replace a number as the model by a placeholder, which `--set` can fill: no weights have that name."""
    model = flags.values.get("model")
    if not isinstance(model, str) or not _NUMBER.fullmatch(model):
        return
    replacement = filled(_MODEL_PLACEHOLDER, settings)
    flags.values["model"] = replacement
    flags.notes.assume(
        f"model {replacement}",
        f"{model} is a number and names no weights",
        flags.places.get("model", Place(file)),
    )


def _add_preparations(start: Start, pod: Pod) -> None:
    """Add what the init containers and the probe prepare to the start of the server."""
    for prepared in pod.prepared:
        start.mind_speed = start.mind_speed or prepared.mind_speed
        start.conversion = start.conversion or prepared.conversion
    python_path = start.environment.get("PYTHONPATH")
    if python_path and python_path.text.startswith(MIND_SPEED_DIRECTORY):
        # The image contains MindSpeed or installs it in a step that the files do not show: the manual's repository.
        start.mind_speed = start.mind_speed or {"repository": ""}
    start.warm_up = start.warm_up or warms_up(pod)


def _all_values(
    pod: Pod, launched: Launched, additional: Values, pair: Mapping[str, Any]
) -> Values:
    """All keys of a service in the order of the stack file."""
    after_drain = _shutdown(launched)
    if keeps_kv_cache(pair):
        after_drain += KV_READERS
    values = launch_values(launched)
    values |= pod_values(pod, launched.notes, after_drain=after_drain)
    values |= group_values(pod)
    values |= additional
    graph = values.get("graph", {})
    cache = graph_cache(pod)
    if graph.get("kind") == "pta" and cache:
        graph["cache"] = cache
    references = references_of(pod.container)
    if pod.group:
        for variable in VARIABLES_OF_GROUPS:
            references.pop(variable, None)
    api_key = references.pop("VLLM_API_KEY", None)
    if api_key:
        values["server"]["apiKey"] = api_key
    values["env"] = {**references, **values["env"]}
    values["podTemplate"] = pod_patch(pod)
    if values.get("npus") is None:
        _count_visible_devices(values)
    ordered = {}
    for key in _KEYS:
        value = values.get(key)
        if value not in (None, {}):
            ordered[key] = value
    return ordered


def _count_visible_devices(values: Values) -> None:
    """Take the number of NPUs from the indices that a script without a pod exports. They are those of its machine."""
    devices = values.get("visibleDevices")
    if not isinstance(devices, list):
        return
    del values["visibleDevices"]
    values["npus"] = len(devices)


def _shutdown(launched: Launched) -> int:
    """The seconds that a server of this program has after SIGTERM, which its grace period includes."""
    seconds = launched.flag(SHUTDOWN_FLAG)
    if launched.is_ours and isinstance(seconds, int):
        return seconds
    return 0


def _minimal_service(
    name: str,
    values: Values,
    cluster: Values,
) -> Values:
    """The keys that make a difference. Keys that the stack file refuses remain unchanged."""
    whole = stand_in(name, values, cluster)
    if whole.service is None:
        return values
    objects = list(service_objects(whole.service))

    def is_same(candidate: Values) -> bool:
        for keys in (*whole.replaced, _SOURCE):
            if value_at(candidate, keys) != value_at(values, keys):
                return False
        part = stand_in(name, candidate, cluster)
        if part.service is None or part.replaced != whole.replaced:
            return False
        return list(service_objects(part.service)) == objects

    return minimal(values, is_same)


def _with_original_order(
    name: str,
    values: Values,
    cluster: Values,
    pod: Pod,
) -> Values:
    """The values with the further flags grouped so that a pod of this program keeps the order of its flags."""
    arguments = without_group_flags(pod.start.arguments, pod)
    for candidate in _arrangements(values):
        service = stand_in(name, candidate, cluster).service
        if service and _launch_arguments(service, pod) == arguments:
            return candidate
    return values


def _launch_arguments(service: ResolvedService, pod: Pod) -> list[str]:
    """The arguments of the server that the program would start, without the flags that follow from `nodes`."""
    start = launch(service)
    words = [*start.argv]
    if service.group:
        leader = launch_of_rank(start, member_of(service, rank=0))
        words += leader.flags_of_rank
    server = server_command(words_of(words))
    if server is None:
        return []
    return without_group_flags(server.arguments, pod)


def _arrangements(values: Values) -> Iterator[Values]:
    """The values with the further flags in every group, first without the flag that follows from `drain`."""
    without = copy.deepcopy(values)
    for holder in (without["engine"], without["server"]):
        holder.get("extraArgs", {}).pop(_SHUTDOWN_KEY, None)
    yield from _groupings(without)
    yield from _groupings(values)


def _groupings(values: Values) -> Iterator[Values]:
    """The values with the further flags divided between `engine` and `server` in every way."""
    yield values
    flags: Values = {}
    flags.update(value_at(values, ("engine", "extraArgs")) or {})
    flags.update(value_at(values, ("server", "extraArgs")) or {})
    names = sorted(flags)
    movable = min(len(names), _MOST_MOVED_FLAGS)
    for number in range(2**movable):
        of_engine = {}
        of_server = {}
        for index, name in enumerate(names):
            if number >> index & 1:
                of_server[name] = flags[name]
            else:
                of_engine[name] = flags[name]
        candidate = copy.deepcopy(values)
        candidate["engine"]["extraArgs"] = of_engine
        candidate["server"]["extraArgs"] = of_server
        yield candidate


def _used_mounts(pod: Pod, values: Values) -> set[str]:
    """The paths of mounts that a key stands for, or that contain the script."""
    used = {mount.path for mount in platform_mounts(pod).values()}
    directories = _weight_directories(values)
    for mount in pod.mounts:
        is_of_key = _contains_any(mount, directories) or _is_of_program(mount)
        is_of_key = is_of_key or _is_below_node_file(pod, mount)
        if is_of_key or _contains_script(pod, mount.path):
            used.add(mount.path)
    return used


def _weight_directories(values: Values) -> list[str]:
    """The directories of the model, of the draft model and of the adapters; a claim is `CLAIM:` and its name."""
    adapters = value_at(values, ("lora", "adapters")) or {}
    claim = value_at(values, ("model", "source", "name"))
    directories = [
        value_at(values, ("model", "source")),
        value_at(values, ("speculative", "source")),
        *adapters.values(),
    ]
    if claim:
        directories.append(f"{CLAIM}:{claim}")
    return [str(directory or "") for directory in directories]


def _contains_any(mount: Mount, directories: list[str]) -> bool:
    """Whether a mount of the node or of a claim contains one of some directories."""
    if mount.claim:
        return f"{CLAIM}:{mount.claim}" in directories
    if not mount.host_path:
        return False
    if mount.host_path in directories:
        return True
    below = mount.host_path.rstrip("/") + "/"
    return any(directory.startswith(below) for directory in directories)


def _is_below_node_file(pod: Pod, mount: Mount) -> bool:
    """Whether a mount shows a part of a directory that the program mounts as a whole, such as the driver's."""
    for default in default_mounts(pod).values():
        host_path = PurePosixPath(mount.host_path)
        path = PurePosixPath(mount.path)
        is_on_node = host_path.is_relative_to(default.host_path)
        if is_on_node and path.is_relative_to(default.mount_path):
            return True
    return False


def _is_of_program(mount: Mount) -> bool:
    """Whether a mount is a ConfigMap, or a directory that this program mounts."""
    parent, _, _ = LAUNCH_DIRECTORY.rpartition("/")
    config_map = mount.volume.at("configMap").value
    return bool(config_map) or mount.path.startswith(f"{parent}/")


def _contains_script(pod: Pod, path: str) -> bool:
    """Whether the command of the container names a file below a mount."""
    if not path:
        return False
    directory = re.escape(path.rstrip("/"))
    file_below = re.compile(rf"(^|[\s;&'\"]){directory}/")
    words = pod.container.at("command").items()
    words += pod.container.at("args").items()
    return any(file_below.search(word.text()) for word in words)
