"""Reads the services of a Compose file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from convert.docker.interpolation import filled as _filled
from convert.docker.options import ContainerOptions
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
    "profiles",
    "stdin_open",
    "tty",
    "pull_policy",
    "init",
}
_REPLACED = {
    "network_mode",
    "networks",
    "restart",
    "privileged",
    "ipc",
    "pid",
    "runtime",
    "hostname",
    "healthcheck",
    "logging",
    "security_opt",
    "cap_add",
    "group_add",
    "stop_grace_period",
    "platform",
}
"""Keys in place of which Kubernetes or the program has its own."""


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
    for key in service.mapping():
        if key in _REPLACED:
            options.replaced.append(str(key))
        elif key not in _READ and key != "deploy":
            options.lost.append(str(key))
    return options


def _read_deploy(service: Object, options: ContainerOptions) -> None:
    """Read the resources under `deploy`."""
    limits = service.at("deploy", "resources", "limits")
    options.memory = options.memory or limits.at("memory").text()
    options.cpus = options.cpus or limits.at("cpus").text()
    replicas = service.at("deploy", "replicas").value
    if isinstance(replicas, int):
        options.replicas = replicas
    for key in service.at("deploy").mapping():
        is_read = key == "resources" or (key == "replicas" and replicas is not None)
        if not is_read:
            options.lost.append(f"deploy.{key}")
    if service.at("deploy", "resources", "reservations", "devices").items():
        options.lost.append("deploy.resources.reservations.devices")


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
        pairs[name] = _filled(value, set_values) if equals else f"${{{name}}}"
    return pairs
