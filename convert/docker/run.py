"""Reads the options of `docker run`, and of the commands of other tools with the same options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from convert.docker.environment_files import NamedFile
from convert.docker.hosts import add_host
from convert.docker.options import ContainerOptions, FurtherOption
from convert.note import Place
from convert.server_start import Argument

_TOOLS = ("docker", "podman", "nerdctl")
_SHORT = {
    "e": "env",
    "v": "volume",
    "p": "publish",
    "u": "user",
    "w": "workdir",
    "m": "memory",
    "h": "hostname",
    "l": "label",
    "a": "attach",
    "c": "cpu-shares",
}
"""Short options with a value."""
_SWITCHES = {
    "detach",
    "disable-content-trust",
    "env-host",
    "help",
    "http-proxy",
    "init",
    "interactive",
    "no-healthcheck",
    "oom-kill-disable",
    "privileged",
    "publish-all",
    "quiet",
    "read-only",
    "replace",
    "rm",
    "rmi",
    "sig-proxy",
    "tls-verify",
    "tty",
    "use-api-socket",
}
"""Options without a value."""
_SHORT_SWITCHES = {"P": "publish-all"}
_REPLACED_TOO = ("publish",)
"""Options that are read, and in place of which pods have something else."""


def is_container_run(words: Sequence[Argument]) -> bool:
    """Whether a command is `docker run …`, `docker container run …` or that of a similar tool."""
    texts = [word.text for word in words[:3]]
    if not texts or PurePosixPath(texts[0]).name not in _TOOLS:
        return False
    return texts[1:2] == ["run"] or texts[1:3] == ["container", "run"]


def read_docker_run(words: Sequence[Argument], place: Place) -> ContainerOptions:
    """The container of `docker run`.

    Args:
        words: The words of the command, the program included.
        place: Its line.
    """
    texts = [word.text for word in words]
    rest = [*words[texts.index("run") + 1 :]]
    options = ContainerOptions("docker run", place)
    while rest and rest[0].text.startswith("-"):
        _read_option(rest, options)
    if rest:
        options.image = rest.pop(0).text
    options.command = [word.text for word in rest]
    return options


def _read_option(rest: list[Argument], options: ContainerOptions) -> None:
    """Read the first option, and remove its words."""
    word = rest.pop(0)
    place = Place(word.file or options.place.file, word.line)
    if not word.text.startswith("--"):
        _read_short(word.text, rest, options, place)
        return
    name, equals, value = word.text.removeprefix("--").partition("=")
    if name in _SWITCHES:
        _apply(name, value or "true", options, place)
        return
    if not equals:
        value = rest.pop(0).text if rest else ""
    _apply(name, value, options, place)


def _read_short(
    word: str,
    rest: list[Argument],
    options: ContainerOptions,
    place: Place,
) -> None:
    """Read short options such as `-it`, `-e NAME=value` or `-p8000:8000`."""
    letters = word.removeprefix("-")
    for index, letter in enumerate(letters):
        if letter in _SHORT_SWITCHES:
            _apply(_SHORT_SWITCHES[letter], "true", options, place)
        if letter not in _SHORT:
            continue
        value = letters[index + 1 :].removeprefix("=")
        if not value and rest:
            value = rest.pop(0).text
        _apply(_SHORT[letter], value, options, place)
        return


def _apply(
    name: str,
    value: str,
    options: ContainerOptions,
    place: Place,
) -> None:
    if value == "false":
        return
    if name == "env-file":
        named = NamedFile(f"--{name}", value, place)
        options.environment_files.append(named)
        return
    if name == "add-host":
        separator = ":"
        if "=" in value:
            separator = "="
        host, _, address = value.partition(separator)
        add_host(options, host, address, place)
        return
    setter = _SETTERS.get(name)
    if setter:
        setter(options, value)
    if not setter or name in _REPLACED_TOO:
        options.further.append(FurtherOption(f"--{name}", place))


def _set_environment(options: ContainerOptions, value: str) -> None:
    name, equals, text = value.partition("=")
    if equals:
        options.environment[name] = text
    else:
        options.environment[name] = f"${{{name}}}"


def _set_label(options: ContainerOptions, value: str) -> None:
    name, _, text = value.partition("=")
    options.labels[name] = text


def _set_mount(options: ContainerOptions, value: str) -> None:
    """Read `--mount type=bind,source=/a,target=/b`."""
    fields = {}
    for part in value.split(","):
        key, _, text = part.partition("=")
        fields[key] = text
    source = fields.get("source") or fields.get("src") or ""
    target = fields.get("target") or fields.get("dst") or fields.get("destination")
    if target and source:
        options.volumes.append(f"{source}:{target}")
    else:
        options.further.append(FurtherOption("--mount", options.place))


def _set_name(options: ContainerOptions, value: str) -> None:
    options.name = value


def _set_shm(options: ContainerOptions, value: str) -> None:
    options.shm = value


def _set_user(options: ContainerOptions, value: str) -> None:
    options.user = value


def _set_memory(options: ContainerOptions, value: str) -> None:
    options.memory = value


def _set_cpus(options: ContainerOptions, value: str) -> None:
    options.cpus = value


def _set_entrypoint(options: ContainerOptions, value: str) -> None:
    options.entrypoint = [value] if value else []


def _set_read_only(options: ContainerOptions, _: str) -> None:
    options.read_only = True


_SETTERS: dict[str, Callable[[ContainerOptions, str], None]] = {
    "name": _set_name,
    "env": _set_environment,
    "label": _set_label,
    "mount": _set_mount,
    "shm-size": _set_shm,
    "user": _set_user,
    "memory": _set_memory,
    "cpus": _set_cpus,
    "entrypoint": _set_entrypoint,
    "read-only": _set_read_only,
    "volume": lambda options, value: options.volumes.append(value),
    "device": lambda options, value: options.devices.append(value),
    "publish": lambda options, value: options.ports.append(value),
}
