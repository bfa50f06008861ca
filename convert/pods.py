"""The pods of config.yaml: which containers start a server, what they mount, and what else belongs to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from convert.manifest import Object
from convert.note import Note, assumed, dropped
from convert.secret import advice
from convert.shell import Command, Script, Text, Word
from convert.start import File, Setting, Start, read_start
from models.catalog.platforms import PLATFORMS
from models.credentials import is_credential

TEMPLATES = {
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"), ("spec", "template")
    ),
    "Pod": (),
}
"""Where objects that run pods have the pod's template, by their kind."""

_NPU = re.compile(r"^huawei\.com/|(?i:ascend|npu)")
_KNOWN_NPUS = frozenset(platform.resource for platform in PLATFORMS.values())


@dataclass(frozen=True)
class Mount:
    """What a container sees of a volume."""

    path: str
    """Path in the container."""
    volume: Object
    sub_path: str = ""
    read_only: bool = False

    @property
    def host_path(self) -> str:
        """The path on the node; nothing for other volumes."""
        path = self.volume.at("hostPath", "path").text()
        return str(PurePosixPath(path, self.sub_path)) if path and self.sub_path else path


@dataclass(frozen=True)
class Pod:
    """A container that starts a server, with what it belongs to."""

    owner: Object
    """The Deployment, or what else runs the pod."""
    container: Object
    name: str
    start: Start
    mounts: tuple[Mount, ...]
    prepared: tuple[Start, ...]
    """What its init containers do."""
    config_maps: tuple[Object, ...]
    npu: str = ""
    """The resource by which it asks for NPUs."""

    @property
    def template(self) -> Object:
        """The pod's template."""
        return self.owner.at(*TEMPLATES[self.owner.kind])

    @property
    def spec(self) -> Object:
        """The pod's specification."""
        return self.template.at("spec")

    def files(self) -> list[File]:
        """The files that the container sees of ConfigMaps."""
        return [*mounted_files(self.mounts, self.config_maps)]


def read_pods(objects: Sequence[Object], scripts: Sequence[File], notes: list[Note]) -> list[Pod]:
    """The containers that start a server.

    Args:
        objects: The objects of the file.
        scripts: The scripts that are named beside it.
        notes: What is assumed and dropped is added here.
    """
    maps = [one for one in objects if one.kind == "ConfigMap"]
    return [pod for owner in objects if owner.kind in TEMPLATES for pod in _pods(owner, maps, scripts, notes)]


def npu_resource(container: Object) -> str:
    """The resource by which a container asks for NPUs."""
    asked = [*container.at("resources", "limits").mapping(), *container.at("resources", "requests").mapping()]
    known = [name for name in asked if name in _KNOWN_NPUS]
    return next(iter([*known, *filter(_NPU.search, asked)]), "")


def _pods(owner: Object, maps: Sequence[Object], scripts: Sequence[File], notes: list[Note]) -> Iterator[Pod]:
    spec = owner.at(*TEMPLATES[owner.kind], "spec")
    containers = spec.at("containers").items()
    read = [_pod(owner, container, maps, scripts) for container in containers]
    servers = [pod for pod in read if pod.start.kind]
    if not servers and len(scripts) == 1 and read:
        served = next((pod for pod in read if pod.npu), read[0])
        start = _lone(served, scripts[0])
        servers = [Pod(**{**vars(served), "start": start})] if start.kind else []
    for pod in read:
        if pod.name not in [server.name for server in servers]:
            what, why = f"the container {pod.name or '?'}", "it starts no server; a service has one container"
            notes.append(dropped(what, why, owner.file, pod.container.line))
    for pod in servers:
        notes.extend(pod.start.notes)
        notes.extend(note for start in pod.prepared for note in start.notes if "command " not in note.what)
        yield pod


def _lone(pod: Pod, script: File) -> Start:
    """The only script that is named, for a container that runs none of its name."""
    notes: list[Note] = []
    environment = container_environment(pod.container, notes)
    start = read_start(Script([_command([script.name], 1)]), script.name, environment, [script])
    start.notes[:0] = notes
    said = pod.container.at("args").line or pod.container.line
    start.notes.append(assumed(script.name, "the container runs no script of this name", pod.owner.file, said))
    return start


def _pod(owner: Object, container: Object, maps: Sequence[Object], scripts: Sequence[File]) -> Pod:
    spec = owner.at(*TEMPLATES[owner.kind], "spec")
    mounts = _mounts(spec, container)
    files = [*scripts, *mounted_files(mounts, maps)]
    prepared = tuple(
        _start(one, [*mounted_files(_mounts(spec, one), maps)], []) for one in spec.at("initContainers").items()
    )
    notes: list[Note] = []
    start = _start(container, files, notes)
    start.notes[:0] = notes
    name = container.at("name").text()
    return Pod(owner, container, name, start, mounts, prepared, tuple(maps), npu_resource(container))


def _start(container: Object, files: Sequence[File], notes: list[Note]) -> Start:
    environment = container_environment(container, notes)
    words = [word for key in ("command", "args") for word in _words(container.at(key))]
    filled = [(_kubernetes_variables(text, environment), line) for text, line in words]
    command = [Command(tuple(Word((Text(text),), line) for text, line in filled), filled[0][1])] if filled else []
    return read_start(Script(command), container.file, environment, files)


def _command(words: Iterable[str], line: int) -> Command:
    return Command(tuple(Word((Text(word),), line) for word in words), line)


def _words(found: Object) -> list[tuple[str, int]]:
    """The words of `command` or `args`, also where one is written without the brackets."""
    items = found.items() or ([found] if found.text() else [])
    return [(item.text(), item.line) for item in items]


def _kubernetes_variables(text: str, environment: dict[str, Setting]) -> str:
    """A word with `$(NAME)` replaced as the kubelet does it."""

    def value(found: re.Match[str]) -> str:
        setting = environment.get(found[1])
        return setting.text if setting else found[0]

    return re.sub(r"\$\(([A-Za-z_]\w*)\)", value, text)


def container_environment(container: Object, notes: list[Note]) -> dict[str, Setting]:
    """The variables that a container is given; those from Secrets are kept as references, and those from elsewhere and
    secrets in plain text are left out with a note."""
    found: dict[str, Setting] = {}
    references = secret_references(container)
    for name, item in _variables(container.at("env"), notes):
        text = item.at("value").text() if item.mapping() else item.text()
        if item.at("valueFrom").value is not None:
            if name not in references:
                why = "the stack file has no word for values from elsewhere"
                notes.append(dropped(name, why, item.file, item.line))
        elif is_credential(name, text):
            notes.append(dropped(name, advice(name), item.file, item.line))
        else:
            found[name] = Setting(_kubernetes_variables(text, found), item.file, item.line)
    if container.at("envFrom").items():
        line = container.at("envFrom").line
        notes.append(dropped("envFrom", "the stack file has no word for values from elsewhere", container.file, line))
    return found


def secret_references(container: Object) -> dict[str, dict[str, str]]:
    """The variables whose values are in Secrets that have to exist, as a stack file refers to them."""
    found = {}
    for item in container.at("env").items():
        source = item.at("valueFrom", "secretKeyRef")
        secret, key = source.at("name").text(), source.at("key").text()
        if secret and key and source.at("optional").value is not True:
            found[item.at("name").text()] = {"secret": secret, "key": key}
    return found


def _variables(given: Object, notes: list[Note]) -> Iterator[tuple[str, Object]]:
    """The entries of `env` by name; written as a mapping, which Kubernetes refuses, they are taken as meant."""
    if given.mapping():
        notes.append(assumed("env", "it is a list of names and values for Kubernetes", given.file, given.line))
        yield from ((name, given.at(name)) for name in given.mapping())
    for item in given.items():
        if name := item.at("name").text():
            yield name, item


def _mounts(spec: Object, container: Object) -> tuple[Mount, ...]:
    volumes = {volume.at("name").text(): volume for volume in spec.at("volumes").items()}
    return tuple(
        Mount(
            mount.at("mountPath").text(),
            volumes.get(mount.at("name").text(), mount),
            mount.at("subPath").text(),
            mount.at("readOnly").value is True,
        )
        for mount in container.at("volumeMounts").items()
    )


def mounted_files(mounts: Iterable[Mount], maps: Sequence[Object]) -> Iterator[File]:
    """The files of ConfigMaps by their paths in the container."""
    for mount in mounts:
        name = mount.volume.at("configMap", "name").text()
        found = next((one for one in maps if name and one.at("metadata", "name").text() == name), None)
        for key, text in found.at("data").mapping().items() if found else ():
            if isinstance(text, str) and mount.sub_path in ("", key):
                yield File(mount.path if mount.sub_path else f"{mount.path.rstrip('/')}/{key}", text)
