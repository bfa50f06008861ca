"""Finds the containers that start a server, with their pods, their mounts and their init containers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from convert.container_command import (
    command_words,
    relies_on_entrypoint,
    without_library_lines,
)
from convert.container_environment import (
    container_environment,
    with_kubernetes_variables,
)
from convert.engine_release import EngineRelease, engine_release
from convert.note import Note, Notes
from convert.objects import Object
from convert.script_reader import read_start
from convert.server_start import File, Start
from convert.shell_words import Command, Script, Text, Word, plain_command
from convert.workloads import replicas, template_keys
from models.catalog.platforms import PLATFORMS
from models.manifests.metadata import NAME, NAME_LABEL, VERSION_LABEL

_NPU = re.compile(r"^huawei\.com/|(?i:ascend|npu)")
_PARTS_OF_NPU = ("-memory", "-core", "-cores")
"""How the resources end with which HAMi counts the memory and the cores of an NPU."""
_KNOWN_NPUS = frozenset(platform.resource for platform in PLATFORMS.values())

_NO_VOLUME_KINDS = ("name", "mountPath", "subPath", "readOnly")
"""Keys of a volume, and of a mount without a volume, that name no kind of volume."""


@dataclass(frozen=True)
class Mount:
    """A volume in a container."""

    path: str
    """Path in the container."""
    volume: Object
    sub_path: str = ""
    read_only: bool = False

    @property
    def volume_name(self) -> str:
        """The name of the volume."""
        return self.volume.at("name").text()

    @property
    def host_path(self) -> str:
        """Path on the node; empty for a volume that is not a directory of the node."""
        path = self.volume.at("hostPath", "path").text()
        if path and self.sub_path:
            return str(PurePosixPath(path, self.sub_path))
        return path

    @property
    def claim(self) -> str:
        """The name of its PersistentVolumeClaim; empty for any other volume."""
        return self.volume.at("persistentVolumeClaim", "claimName").text()

    @property
    def volume_kind(self) -> str:
        """The kind of its volume: `nfs`, `emptyDir`; empty if the pod does not declare it."""
        kinds = [key for key in self.volume.mapping() if key not in _NO_VOLUME_KINDS]
        return next(iter(kinds), "")


@dataclass(frozen=True)
class Pod:
    """A container that starts a server, with its pod."""

    owner: Object
    """The object that runs the pod, such as a Deployment."""
    container: Object
    name: str
    """The name of the container."""
    start: Start
    mounts: tuple[Mount, ...]
    prepared: tuple[Start, ...]
    """The scripts of its init containers."""
    config_maps: tuple[Object, ...]
    servers: frozenset[str]
    """The names of all containers of the pod that start a server."""
    engine: EngineRelease
    """The engine release in its image."""
    npu: str = ""
    """The resource that counts its NPUs, such as `huawei.com/ascend-1980`."""

    @property
    def template(self) -> Object:
        """The template of the pod."""
        return _template(self.owner)

    @property
    def replicas(self) -> Any:
        """The number of pods; None if the object names none."""
        return replicas(self.owner).value

    @property
    def spec(self) -> Object:
        """The spec of the pod."""
        return self.template.at("spec")

    @property
    def limits(self) -> Object:
        """The limits of the container."""
        return self.container.at("resources", "limits")

    @property
    def requests(self) -> Object:
        """The requests of the container."""
        return self.container.at("resources", "requests")

    @property
    def namespace(self) -> str:
        """The namespace that the object names; empty if it names none."""
        return self.owner.at("metadata", "namespace").text()

    def files(self) -> list[File]:
        """The files that the container mounts from ConfigMaps."""
        return [*_mounted_files(self.mounts, self.config_maps)]


def read_pods(
    objects: Sequence[Object],
    scripts: Sequence[File],
    notes: Notes,
    given: Mapping[str, str],
) -> list[Pod]:
    """The containers that start a server.

    Args:
        objects: The objects of the file.
        scripts: The scripts on the command line.
        notes: Gets a note for everything that is assumed or dropped.
        given: The values of `--set` by name.
    """
    config_maps = tuple(item for item in objects if item.kind == "ConfigMap")
    sources = Sources(config_maps, tuple(scripts), given)
    pods = []
    for owner in objects:
        if template_keys(owner) is not None:
            pods += _servers(owner, sources, notes)
    return pods


@dataclass(frozen=True)
class Sources:
    """The files from which containers get scripts and values."""

    config_maps: tuple[Object, ...]
    scripts: tuple[File, ...]
    """The scripts on the command line."""
    given: Mapping[str, str]
    """The values of `--set` by name."""


def _template(owner: Object) -> Object:
    """The template of the pods of an object that runs pods."""
    return owner.at(*(template_keys(owner) or ()))


def _servers(
    owner: Object,
    sources: Sources,
    notes: Notes,
) -> list[Pod]:
    """The containers of an object that start a server."""
    spec = _template(owner).at("spec")
    containers = spec.at("containers").items()
    pods = [_pod(owner, container, sources) for container in containers]
    servers = [pod for pod in pods if pod.start.kind]
    if not servers and len(sources.scripts) == 1:
        servers = _with_only_script(pods, sources)
    names = frozenset(pod.name for pod in servers)
    servers = [replace(pod, servers=names) for pod in servers]
    for pod in servers:
        notes += pod.start.notes
        for start in pod.prepared:
            notes += [note for note in start.notes if not _is_about_a_command(note)]
    return servers


def _is_about_a_command(note: Note) -> bool:
    """Whether a note is about a command. An init container with such commands is dropped as a whole."""
    return "command " in note.what


def _with_only_script(pods: Sequence[Pod], sources: Sources) -> list[Pod]:
    """The container that runs the only script of the command line, if no container runs one with its name."""
    if not pods:
        return []
    script = sources.scripts[0]
    with_npus = [pod for pod in pods if pod.npu]
    pod = (with_npus or pods)[0]
    notes = Notes()
    environment = container_environment(pod.container, notes)
    run_script = Script([plain_command([script.name], line=1)])
    start = read_start(
        run_script,
        script.name,
        environment,
        files=[script],
        given=sources.given,
    )
    arguments = pod.container.at("args")
    place = arguments if arguments.place.line else pod.container
    start.notes.assume(
        script.name, "the container runs no script with this name", place
    )
    start.notes[:0] = notes
    if not start.kind:
        return []
    engine = engine_release(pod.container.at("image").text(), start)
    return [replace(pod, start=start, engine=engine)]


def _pod(
    owner: Object,
    container: Object,
    sources: Sources,
) -> Pod:
    spec = _template(owner).at("spec")
    mounts = _mounts(spec, container)
    config_maps = sources.config_maps
    image = container.at("image").text()
    files = [
        without_library_lines(file, image)
        for file in (*sources.scripts, *_mounted_files(mounts, config_maps))
    ]
    notes = Notes()
    start = _start(
        container,
        files,
        notes,
        given=sources.given,
    )
    start.notes[:0] = notes
    prepared = []
    for init_container in spec.at("initContainers").items():
        init_files = _mounted_files(_mounts(spec, init_container), config_maps)
        prepared_start = _start(
            init_container,
            [*init_files],
            notes=Notes(),
            given=sources.given,
        )
        prepared.append(prepared_start)
    return Pod(
        owner=owner,
        container=container,
        name=container.at("name").text(),
        start=start,
        mounts=mounts,
        prepared=tuple(prepared),
        config_maps=config_maps,
        servers=frozenset(),
        engine=engine_release(image, start, _labelled_version(owner)),
        npu=_npu_resource(container),
    )


def _labelled_version(owner: Object) -> str:
    """The engine release that this program wrote into a label; empty for an object of somebody else."""
    if owner.labels.get(NAME_LABEL) != NAME:
        return ""
    return str(owner.labels.get(VERSION_LABEL, ""))


def container_with_script_of_another(owner: Object) -> str:
    """The script that a container runs from a volume which another container writes; empty if there is none."""
    if template_keys(owner) is None:
        return ""
    spec = _template(owner).at("spec")
    containers = [*spec.at("containers").items(), *spec.at("initContainers").items()]
    for container in spec.at("containers").items():
        words = [
            *command_words(container.at("command")),
            *command_words(container.at("args")),
        ]
        text = " ".join(word.text() for word in words)
        for mount in _mounts(spec, container):
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


def _npu_resource(container: Object) -> str:
    """The resource that counts the NPUs of a container; empty if it requests none."""
    names = [
        *container.at("resources", "limits").mapping(),
        *container.at("resources", "requests").mapping(),
    ]
    known = [name for name in names if name in _KNOWN_NPUS]
    similar = [name for name in names if _NPU.search(name)]
    similar = [name for name in similar if not name.endswith(_PARTS_OF_NPU)]
    return next(iter([*known, *similar]), "")


def _start(
    container: Object,
    files: Sequence[File],
    notes: Notes,
    given: Mapping[str, str],
) -> Start:
    environment = container_environment(container, notes)
    words = []
    parts = command_words(container.at("command"))
    parts += command_words(container.at("args"))
    for part in parts:
        text = with_kubernetes_variables(part.text(), environment)
        word = Word((Text(text),), part.place.line)
        words.append(word)
    script = Script()
    if words:
        if relies_on_entrypoint(container):
            notes.assume(
                "vllm serve", "the image's entrypoint is the server", container
            )
            line = words[0].line
            words = [*plain_command(["vllm", "serve"], line).words, *words]
        command = Command(tuple(words), words[0].line)
        script.commands.append(command)
    return read_start(
        script,
        container.file,
        environment,
        files=files,
        given=given,
    )


def _mounts(spec: Object, container: Object) -> tuple[Mount, ...]:
    volumes = {}
    for volume in spec.at("volumes").items():
        name = volume.at("name").text()
        volumes[name] = volume
    mounts = []
    for entry in container.at("volumeMounts").items():
        name = entry.at("name").text()
        mount = Mount(
            path=entry.at("mountPath").text(),
            volume=volumes.get(name, entry),
            sub_path=entry.at("subPath").text(),
            read_only=entry.at("readOnly").value is True,
        )
        mounts.append(mount)
    return tuple(mounts)


def _mounted_files(
    mounts: Iterable[Mount], config_maps: Sequence[Object]
) -> Iterator[File]:
    """The files that a container mounts from ConfigMaps, by their paths in the container."""
    for mount in mounts:
        config_map = _config_map(mount, config_maps)
        if not config_map:
            continue
        for key, text in config_map.at("data").mapping().items():
            if not isinstance(text, str):
                continue
            if not mount.sub_path:
                directory = mount.path.rstrip("/")
                yield File(f"{directory}/{key}", text)
            elif mount.sub_path == key:
                yield File(mount.path, text)


def _config_map(mount: Mount, config_maps: Sequence[Object]) -> Object | None:
    name = mount.volume.at("configMap", "name").text()
    if not name:
        return None
    return next(
        (config_map for config_map in config_maps if config_map.name == name), None
    )
