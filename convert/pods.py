"""Finds the containers that start a server, with their pods, their mounts and their init containers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convert.mounts import Mount, mounted_files, mounts_of
from convert.note import Note, Notes
from convert.objects import Object
from convert.server.container_command import (
    command_words,
    relies_on_entrypoint,
    without_library_lines,
)
from convert.server.container_environment import (
    container_environment,
    references_of,
    unknown_variables,
    with_kubernetes_variables,
)
from convert.server.engine_release import EngineRelease, engine_release
from convert.server.script_reader import read_start
from convert.server_start import File, Setting, Start
from convert.shell.words import Command, Script, Text, Word, plain_command
from convert.workloads import (
    TemplateKeys,
    is_repeated,
    ranks_of_template,
    replicas,
    runs_groups,
    templates,
    variables_of_rank,
)
from models.catalog.platforms import PLATFORMS
from models.manifests.metadata import NAME, NAME_LABEL, VERSION_LABEL

_NPU = re.compile(r"^huawei\.com/|(?i:ascend|npu)")
_PARTS_OF_NPU = ("-memory", "-core", "-cores")
"""How the resources end with which HAMi counts the memory and the cores of an NPU."""
_FLAGS_OF_PODS = {
    "--headless",
    "--nnodes",
    "--node-rank",
    "--data-parallel-address",
    "--data-parallel-start-rank",
}
"""Flags that only some pods of a group have, or whose values differ between them."""
_RANK_FIELD = re.compile(r"(worker-index|pod-index)'\]$")
"""How fields of a pod end that contain its place in its group."""
_KNOWN_NPUS = frozenset(platform.resource for platform in PLATFORMS.values())


@dataclass(frozen=True)
class ServerGroup:
    """How a server is divided over several pods."""

    nodes: int
    """The number of pods of the server."""
    port: int | None = None
    """The port on which the leader's pod waits for those of its workers; None if the files do not name it."""


@dataclass(frozen=True)
class Pod:
    """A container that starts a server, with its pod."""

    owner: Object
    """The object that runs the pod, such as a Deployment."""
    keys: TemplateKeys
    """The keys of the pod's template in that object."""
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
    rank: int | None = None
    """Its place in a group of equal pods, as which its script was read; None for any other pod."""
    group: ServerGroup | None = None
    """How its server is divided over several pods, if it is the leader of a group."""

    @property
    def template(self) -> Object:
        """The template of the pod."""
        return self.owner.at(*self.keys)

    @property
    def replicas(self) -> Any:
        """The number of pods, or of groups; None if the object names none."""
        if self.group and not runs_groups(self.owner):
            return 1
        return replicas(self.owner, self.keys).value

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
        return [*mounted_files(self.mounts, self.config_maps)]


def read_pods(
    objects: Sequence[Object],
    scripts: Sequence[File],
    further: Sequence[File],
    notes: Notes,
    set_values: Mapping[str, str],
) -> list[Pod]:
    """The containers that start a server, a part of one, or only Ray.

    Args:
        objects: The objects of the file.
        scripts: The scripts on the command line.
        further: The files of options and of variables on the command line.
        notes: Gets a note for everything that is assumed or dropped.
        set_values: The values of `--set` by name.
    """
    config_maps = tuple(item for item in objects if item.kind == "ConfigMap")
    sources = Sources(config_maps, tuple(scripts), tuple(further), set_values)
    pods = []
    for owner in objects:
        for keys in templates(owner):
            pods += _servers_of_ranks(owner, keys, sources, notes)
    return pods


@dataclass(frozen=True)
class Sources:
    """The files from which containers get scripts and values."""

    config_maps: tuple[Object, ...]
    scripts: tuple[File, ...]
    """The scripts on the command line."""
    further: tuple[File, ...]
    """The files of options and of variables on the command line."""
    set_values: Mapping[str, str]
    """The values of `--set` by name."""


def _servers_of_ranks(
    owner: Object,
    keys: TemplateKeys,
    sources: Sources,
    notes: Notes,
) -> list[Pod]:
    """The containers that start a server, once for each place in a group that their scripts distinguish."""
    ranks = ranks_of_template(owner, keys)
    if not ranks:
        of_one = Notes()
        servers = _servers(owner, keys, None, sources, of_one)
        if not (is_repeated(owner, keys) and _distinguish_pods(servers)):
            notes += of_one
            return servers
        ranks = (0, 1)
    found: list[Pod] = []
    for rank in ranks:
        found += _servers(owner, keys, rank, sources, notes)
    return found


def _distinguish_pods(servers: Sequence[Pod]) -> bool:
    """Whether a command has flags that only some pods of a group have, or whose values differ between them."""
    for pod in servers:
        words = [argument.text for argument in pod.start.arguments]
        for second in pod.start.second_servers:
            words += [argument.text for argument in second.arguments]
        names = {word.partition("=")[0] for word in words}
        if not names.isdisjoint(_FLAGS_OF_PODS):
            return True
    return False


def _servers(
    owner: Object,
    keys: TemplateKeys,
    rank: int | None,
    sources: Sources,
    notes: Notes,
) -> list[Pod]:
    """The containers of a template that start a server."""
    containers = owner.at(*keys, "spec", "containers").items()
    pods = [_pod(owner, keys, rank, container, sources) for container in containers]
    servers = [pod for pod in pods if pod.start.kind]
    of_ray = [pod for pod in pods if not pod.start.kind and pod.start.notes_of_ray]
    if not servers and not of_ray and len(sources.scripts) == 1:
        servers = _with_only_script(pods, sources)
    names = frozenset(pod.name for pod in servers)
    servers = [replace(pod, servers=names) for pod in servers]
    for pod in servers:
        notes += pod.start.notes
        for start in pod.prepared:
            notes += [note for note in start.notes if not _is_about_a_command(note)]
    return [*servers, *of_ray]


def _is_about_a_command(note: Note) -> bool:
    """Whether a note is about a command. An init container with such commands is dropped as a whole."""
    return "command " in note.subject


def _with_only_script(pods: Sequence[Pod], sources: Sources) -> list[Pod]:
    """The container that runs the only script of the command line, if no container runs one with its name."""
    if not pods:
        return []
    script = sources.scripts[0]
    with_npus = [pod for pod in pods if pod.npu]
    pod = (with_npus or pods)[0]
    notes = Notes()
    environment = container_environment(pod.container, pod.config_maps, notes)
    run_script = Script([plain_command([script.name], line=1)])
    start = read_start(
        run_script,
        script.name,
        environment,
        files=[script, *sources.further],
        set_values=sources.set_values,
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
    keys: TemplateKeys,
    rank: int | None,
    container: Object,
    sources: Sources,
) -> Pod:
    spec = owner.at(*keys, "spec")
    mounts = mounts_of(spec, container)
    config_maps = sources.config_maps
    image = container.at("image").text()
    files = [
        without_library_lines(file, image)
        for file in (*sources.scripts, *mounted_files(mounts, config_maps))
    ]
    files += sources.further
    notes = Notes()
    start = _start(
        container,
        files,
        sources,
        notes,
        rank=_rank_variables(owner, container, rank),
    )
    start.notes[:0] = notes
    prepared = []
    for init_container in spec.at("initContainers").items():
        init_files = mounted_files(mounts_of(spec, init_container), config_maps)
        prepared_start = _start(
            init_container,
            [*init_files],
            sources,
            notes=Notes(),
        )
        prepared.append(prepared_start)
    return Pod(
        owner=owner,
        keys=keys,
        rank=rank,
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
    sources: Sources,
    notes: Notes,
    rank: Mapping[str, str] | None = None,
) -> Start:
    environment = container_environment(container, sources.config_maps, notes)
    known = {**unknown_variables(container, environment), **environment}
    for name, text in (rank or {}).items():
        known[name] = Setting(text)
    words = []
    parts = command_words(container.at("command"))
    parts += command_words(container.at("args"))
    for part in parts:
        text = with_kubernetes_variables(part.text(), known)
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
        set_values=sources.set_values,
        rank=rank,
    )


def _rank_variables(
    owner: Object, container: Object, rank: int | None
) -> dict[str, str]:
    """The variables by which a script knows its pod of a group; empty for any other pod."""
    if rank is None:
        return {}
    variables = variables_of_rank(owner, rank)
    for name, reference in references_of(container).items():
        field = reference.get("field", "")
        if field == "metadata.name":
            variables[name] = f"{owner.name}-{rank}"
        elif _RANK_FIELD.search(field):
            variables[name] = str(rank)
    return variables
