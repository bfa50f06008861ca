"""A container as Docker describes it, and the Deployment that runs it on Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from convert.docker.environment_files import NamedFile
from convert.docker.reasons import Reason, reason_of
from convert.minimal import Values
from convert.note import Note, Notes, Place
from convert.objects import Object
from models.catalog.platforms import PLATFORMS
from models.finding import Span

_NPU_DEVICE = re.compile(r"/dev/davinci\d+")
_VISIBLE = ("ASCEND_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
"""Variables by which a container runtime chooses devices. Kubernetes sets the first one itself."""
_RANGE = re.compile(r"(\d+)-(\d+)")
_NAME = re.compile(r"[^a-z0-9]+")
_VOLUME = re.compile(r"(?P<source>[^:]+):(?P<path>/[^:]*)(:(?P<mode>[\w,]+))?")
_PORT = re.compile(r"(.*:)?(?P<port>\d+)(/\w+)?")
_HOST_PATH = re.compile(r"[/~.$]")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([kmgt]?)b?", re.IGNORECASE)


@dataclass(frozen=True)
class FurtherOption:
    """An option that no part of a pod stands for."""

    written: str
    """How it is written: `--ulimit`, `ulimits`."""
    place: Place
    name: str = ""
    """The name under which `reasons` knows it; empty if it is the written one."""

    @property
    def reason(self) -> Reason | None:
        """What becomes of it; None if it has no meaning for a server."""
        return reason_of(self.name or self.written.removeprefix("--"))


@dataclass
class ContainerOptions:
    """A container of `docker run`, or a service of a Compose file."""

    source: str
    """Where it comes from, for notes: `docker run`, `the Compose service vllm`."""
    place: Place
    name: str = ""
    image: str = ""
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    shm: str = ""
    user: str = ""
    memory: str = ""
    cpus: str = ""
    replicas: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    read_only: bool = False
    environment_files: list[NamedFile] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    """The addresses of further names."""
    further: list[FurtherOption] = field(default_factory=list)


def as_deployment(options: ContainerOptions, notes: Notes) -> Object:
    """The Deployment of a container.

    Args:
        options: The container.
        notes: Gets a note for each option that the Deployment does not get.
    """
    notes.assume("a Deployment", f"instead of {options.source}", options.place)
    npus = _npus(options)
    container = _container(options, npus, notes)
    volumes = [_volume(index, text) for index, text in enumerate(options.volumes)]
    if options.shm:
        size = {"medium": "Memory", "sizeLimit": quantity(options.shm)}
        volumes.append({"name": "shm", "emptyDir": size})
    spec: Values = {"containers": [container], "volumes": volumes}
    if options.hosts:
        spec["hostAliases"] = _host_aliases(options.hosts)
    template: Values = {"spec": spec}
    if options.labels:
        template["metadata"] = {"labels": options.labels}
    _note_options(options, npus, notes)
    name = options.name or options.image.rpartition("/")[2].partition(":")[0]
    value = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": _NAME.sub("-", name.lower()).strip("-")},
        "spec": {"replicas": options.replicas, "template": template},
    }
    span = Span(
        file=options.place.file,
        line=options.place.line,
        column=1,
        length=1,
        text="",
    )
    return Object(value, options.place.file, {(): span})


def _host_aliases(hosts: Mapping[str, str]) -> list[Values]:
    """The names of each address."""
    names: dict[str, list[str]] = {}
    for name, address in hosts.items():
        names.setdefault(address, []).append(name)
    return [
        {"ip": address, "hostnames": hostnames} for address, hostnames in names.items()
    ]


def quantity(text: str) -> str:
    """An amount of memory in the form of Kubernetes: `16g` is 16Gi."""
    found = _MEMORY.fullmatch(text.strip())
    if not found:
        return text
    number, unit = found.groups()
    if not unit:
        return number
    return f"{number}{unit.upper() if unit.lower() != 'k' else 'K'}i"


def _container(
    options: ContainerOptions,
    npus: int,
    notes: Notes,
) -> Values:
    container: Values = {"name": "server", "image": options.image}
    if options.entrypoint:
        container["command"] = options.entrypoint
    if options.command:
        container["args"] = options.command
    container["env"] = [
        {"name": name, "value": value}
        for name, value in options.environment.items()
        if name not in _VISIBLE
    ]
    mounts = [_mount(index, text) for index, text in enumerate(options.volumes)]
    if options.shm:
        mounts.append({"name": "shm", "mountPath": "/dev/shm"})  # noqa: S108
    container["volumeMounts"] = mounts
    container["ports"] = _ports(options)
    container["resources"] = _resources(options, npus, notes)
    security = _security(options)
    if security:
        container["securityContext"] = security
    return container


def _resources(
    options: ContainerOptions,
    npus: int,
    notes: Notes,
) -> Values:
    limits: Values = {}
    if npus:
        limits[PLATFORMS["cce"].resource] = str(npus)
        notes.assume(
            "platform cce",
            "Docker names no platform; write cluster.platform: mindcluster for nodes of MindCluster",
            options.place,
        )
    if options.memory:
        limits["memory"] = quantity(options.memory)
    resources: Values = {"limits": limits}
    if options.cpus:
        resources["requests"] = {"cpu": options.cpus}
    return resources


def _security(options: ContainerOptions) -> Values:
    security: Values = {}
    user = options.user.partition(":")[0]
    if user.isdecimal():
        security["runAsUser"] = int(user)
    elif user and user != "root":
        written = FurtherOption(f"the user {user}", options.place, "user")
        options.further.append(written)
    if options.read_only:
        security["readOnlyRootFilesystem"] = True
    return security


def _ports(options: ContainerOptions) -> list[Values]:
    """The port of the container; others only matter if the server listens on them."""
    for text in options.ports:
        found = _PORT.fullmatch(text)
        if found:
            return [{"containerPort": int(found["port"])}]
    return []


def _npus(options: ContainerOptions) -> int:
    """The NPUs of a container: its devices, or those that its runtime makes visible."""
    devices = {device.partition(":")[0] for device in options.devices}
    count = sum(1 for device in devices if _NPU_DEVICE.fullmatch(device))
    if count:
        return count
    indices: set[int] = set()
    for part in options.environment.get("ASCEND_VISIBLE_DEVICES", "").split(","):
        found = _RANGE.fullmatch(part.strip())
        if found:
            indices.update(range(int(found[1]), int(found[2]) + 1))
        elif part.strip().isdecimal():
            indices.add(int(part))
    return len(indices)


def _volume(index: int, text: str) -> Values:
    found = _VOLUME.fullmatch(text)
    name = f"volume-{index}"
    if not found:
        return {"name": name, "dockerVolume": {}}
    source = found["source"]
    if _HOST_PATH.match(source):
        return {"name": name, "hostPath": {"path": source}}
    return {"name": source, "dockerVolume": {}}


def _mount(index: int, text: str) -> Values:
    found = _VOLUME.fullmatch(text)
    name = str(_volume(index, text)["name"])
    if not found:
        return {"name": name, "mountPath": text}
    return {"name": name, "mountPath": found["path"]}


def _note_options(
    options: ContainerOptions,
    npus: int,
    notes: Notes,
) -> None:
    if options.devices and npus:
        why = f"npus: {npus}, which the device plugin of the node chooses"
        notes.replace("the devices", why, options.place)
    elif options.devices:
        why = "npus, which follow from the engine; the device plugin of the node chooses them"
        notes.replace("the devices", why, options.place)
    _note_further_options(options.further, notes)


def _note_further_options(further: Sequence[FurtherOption], notes: Notes) -> None:
    """Note options that no part of a pod stands for; those with the same reason together."""
    written: dict[Reason, list[FurtherOption]] = {}
    for option in further:
        reason = option.reason
        if reason:
            written.setdefault(reason, []).append(option)
    for reason, options in written.items():
        names = dict.fromkeys(option.written for option in options)
        subject = ", ".join(names)
        note = Note(reason.kind, subject, reason.why, options[0].place)
        notes.append(note)
