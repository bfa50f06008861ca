"""Reads the services of a Compose file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from convert.docker.environment_files import NamedFile
from convert.docker.hosts import add_host
from convert.docker.interpolation import filled as _filled
from convert.docker.options import ContainerOptions, FurtherOption
from convert.objects import Object

_READ = {
    "image",
    "container_name",
    "entrypoint",
    "command",
    "environment",
    "volumes",
    "devices",
    "ports",
    "expose",
    "shm_size",
    "user",
    "mem_limit",
    "cpus",
    "labels",
    "read_only",
    "env_file",
    "extra_hosts",
    "scale",
    "deploy",
}


_READ_IN_DEPLOY = {
    "deploy.replicas",
    "deploy.resources",
    "deploy.resources.limits.cpus",
    "deploy.resources.limits.memory",
}


def is_compose(document: Object) -> bool:
    """Whether a document is a Compose file: it has services with images or builds.

    In a file that Compose merges with another one, some services have neither.
    """
    services = document.at("services").mapping()
    if document.kind or not services:
        return False
    return any(_is_service(service) for service in services.values())


def compose_services(
    document: Object, set_values: Mapping[str, str]
) -> Iterator[ContainerOptions]:
    """The services of a Compose file.

    Args:
        document: The file.
        set_values: The values of `--set` by name, for `${NAME}` and `$NAME`.
    """
    for name in document.at("services").mapping():
        yield _options(str(name), document.at("services", name), set_values)


def _is_service(value: Any) -> bool:
    return isinstance(value, dict) and ("image" in value or "build" in value)


def _options(
    name: str,
    service: Object,
    set_values: Mapping[str, str],
) -> ContainerOptions:
    def text(key: str) -> str:
        return _filled(service.at(key).text(), set_values)

    def texts(key: str) -> list[str]:
        return [_filled(item, set_values) for item in _items(service.at(key))]

    options = ContainerOptions(f"the Compose service {name}", service.place)
    options.name = text("container_name") or name
    options.image = text("image")
    options.entrypoint = _command(service.at("entrypoint"), set_values)
    options.command = _command(service.at("command"), set_values)
    options.environment = _pairs(service.at("environment"), set_values)
    options.volumes = texts("volumes")
    options.devices = texts("devices")
    options.ports = texts("ports") or texts("expose")
    options.shm = text("shm_size")
    options.user = text("user")
    options.memory = text("mem_limit")
    options.cpus = text("cpus")
    options.labels = _pairs(service.at("labels"), set_values)
    options.read_only = service.at("read_only").value is True
    _read_deploy(service, options)
    options.environment_files = _environment_files(service.at("env_file"), set_values)
    hosts = service.at("extra_hosts")
    for host, address in _pairs(hosts, set_values).items():
        add_host(options, host, address, hosts.place)
    for key in service.mapping():
        if key not in _READ:
            place = service.at(key).place
            options.further.append(FurtherOption(str(key), place))
    return options


def _environment_files(part: Object, set_values: Mapping[str, str]) -> list[NamedFile]:
    """The files of `env_file`: one path, paths, or mappings with a path."""
    files = []
    for item in part.items() or [part]:
        path = item.text() or item.at("path").text()
        if path:
            path = _filled(path, set_values)
            files.append(NamedFile("env_file", path, item.place))
    return files


def _read_deploy(service: Object, options: ContainerOptions) -> None:
    """Read the resources under `deploy`, and the number of containers."""
    deploy = service.at("deploy")
    limits = deploy.at("resources", "limits")
    options.memory = options.memory or limits.at("memory").text()
    options.cpus = options.cpus or limits.at("cpus").text()
    for replicas in (service.at("scale"), deploy.at("replicas")):
        if isinstance(replicas.value, int):
            options.replicas = replicas.value
    further = [deploy.at(key) for key in deploy.mapping()]
    further += [limits.at(key) for key in limits.mapping()]
    reservations = deploy.at("resources", "reservations")
    further += [reservations.at(key) for key in reservations.mapping()]
    for part in further:
        name = ".".join(part.path[2:])
        if name not in _READ_IN_DEPLOY:
            options.further.append(FurtherOption(name, part.place))


def _items(part: Object) -> list[str]:
    """The items of a list. An item of several keys becomes its short form."""
    texts = []
    for item in part.items():
        if item.at("target").value is not None and item.at("source").value is not None:
            texts.append(f"{item.at('source').text()}:{item.at('target').text()}")
        elif item.at("target").value is not None:
            texts.append(item.at("target").text())
        else:
            texts.append(item.text())
    return [text for text in texts if text]


def _command(part: Object, set_values: Mapping[str, str]) -> list[str]:
    """A command: the words of a list, or of a text that is split as a shell does."""
    items = part.items()
    if items:
        return [_filled(item.text(), set_values) for item in items]
    text = _filled(part.text(), set_values)
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _pairs(part: Object, set_values: Mapping[str, str]) -> dict[str, str]:
    """Names and values, written as a mapping or as a list of `NAME=value`."""
    pairs = {}
    for name in part.mapping():
        pairs[str(name)] = _filled(part.at(name).text(), set_values)
    for item in part.items():
        name, equals, value = item.text().partition("=")
        if not equals and ":" in name:
            name, equals, value = name.partition(":")
        pairs[name] = _filled(value, set_values) if equals else f"${{{name}}}"
    return pairs
