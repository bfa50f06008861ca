"""Files of variables, such as `.env`: the `env_file` of Compose, `--env-file` of `docker run`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from convert.note import Notes, Place
from convert.placeholder import is_secret
from convert.server_start import File, Setting

_SETTING = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][\w.]*)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<text>.*?)(?P=quote)\s*(#.*)?")
_COMMENT = re.compile(r"\s+#.*")
_SCRIPT = re.compile(r"\.(sh|bash|ya?ml|json|py)$|^#!")
_OF_COMPOSE = ".env"


@dataclass(frozen=True)
class NamedFile:
    """A file of variables that a container names."""

    option: str
    """The option that names it: `env_file`, `--env-file`."""
    path: str
    place: Place


def is_environment_file(file: File) -> bool:
    """Whether a file has only variables, each on its line as `NAME=value`."""
    if _SCRIPT.search(file.name) or file.text.startswith("#!"):
        return False
    lines = [line for _, line in _lines(file)]
    return bool(lines) and all(_SETTING.fullmatch(line) for line in lines)


def variables_of_container(
    named: Sequence[NamedFile],
    files: Sequence[File],
    notes: Notes,
) -> dict[str, str]:
    """The variables of the files that a container names, without credentials.

    Args:
        named: The files that it names, in their order.
        files: The files of variables among the input.
        notes: Gets a note for each file that is not among them, and for each credential.
    """
    variables: dict[str, str] = {}
    for wanted in named:
        file = _find(wanted.path, files)
        if file is None:
            why = (
                f"{PurePosixPath(wanted.path).name} is not among the files: name it on the command line too, "
                "or write its variables under env"
            )
            notes.drop(wanted.option, why, wanted.place)
            continue
        for name, setting in settings_of(file).items():
            if is_secret(name, setting.text):
                notes.drop_credential(name, setting.place)
            else:
                variables[name] = setting.text
    return variables


def values_of_compose(files: Sequence[File]) -> Mapping[str, str]:
    """The values of `.env`, with which Compose fills in `${NAME}`, without credentials."""
    values = {}
    for file in files:
        if PurePosixPath(file.name).name == _OF_COMPOSE:
            for name, setting in settings_of(file).items():
                if not is_secret(name, setting.text):
                    values[name] = setting.text
    return values


def settings_of(file: File) -> dict[str, Setting]:
    """The variables of a file, without quotes and comments."""
    settings = {}
    for number, line in _lines(file):
        found = _SETTING.fullmatch(line)
        if found:
            text = _value(found["value"])
            settings[found["name"]] = Setting(text, Place(file.name, number))
    return settings


def _lines(file: File) -> Iterator[tuple[int, str]]:
    """The lines with a variable, each with its number."""
    for number, line in enumerate(file.text.splitlines(), start=file.first_line):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text


def _value(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return quoted["text"]
    return _COMMENT.sub("", text).strip()


def _find(path: str, files: Sequence[File]) -> File | None:
    name = PurePosixPath(path).name
    for file in files:
        if PurePosixPath(file.name).name == name:
            return file
    return None
