"""Sorts the files of a command line: objects of Kubernetes, Compose files, scripts, pages, units of systemd, and files
that others name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from convert.docker.environment_files import is_environment_file
from convert.note import Notes, Place
from convert.pages import COMMAND, files_of_page, is_page
from convert.server.option_files import is_option_file
from convert.server.systemd_unit import is_unit, script_of_unit
from convert.server_start import File
from models.stack_file.yaml_file import read_yaml

_SCRIPT_ENDINGS = (".sh", ".bash")
_YAML_ENDINGS = (".yaml", ".yml", ".json")
_OF_PAGE = re.compile(
    r"(?<![<>&\w])<(?P<name>[A-Za-z][\w.-]*)>(?=[\s\"'`:;,/\\)}\]]|$)", re.MULTILINE
)
"""A placeholder of a page, such as `<model-path>`. Bash would read it as a file for input and one for output."""


@dataclass
class InputFiles:
    """The files of a command line by their form."""

    objects: list[File] = field(default_factory=list)
    scripts: list[File] = field(default_factory=list)
    options: list[File] = field(default_factory=list)
    """Files of options, which `vllm serve --config` reads."""
    variables: list[File] = field(default_factory=list)
    """Files of variables, such as `.env`."""
    notes: Notes = field(default_factory=Notes)

    @property
    def further(self) -> list[File]:
        """The files that only others name."""
        return [*self.options, *self.variables]


def sorted_files(files: Sequence[File]) -> InputFiles:
    """The files by their form. The order within a form remains."""
    found = InputFiles()
    for file in files:
        if _is_page(file):
            for part in files_of_page(file, found.notes):
                _add(part, found)
        else:
            _add(file, found)
    if found.options and not found.scripts and not found.objects:
        found.scripts.append(_script_of_options(found.options[0], found.notes))
    return found


def _is_page(file: File) -> bool:
    return PurePosixPath(file.name).suffix not in _YAML_ENDINGS and is_page(file.text)


def _add(file: File, found: InputFiles) -> None:
    if file.is_data:
        found.objects.append(file)
    elif is_unit(file.text):
        found.scripts.append(replace(file, text=script_of_unit(file.text)))
    elif _is_script(file):
        found.scripts.append(replace(file, text=_with_placeholders(file.text)))
    elif is_environment_file(file):
        found.variables.append(file)
    elif is_option_file(file):
        found.options.append(file)
    else:
        found.objects.append(file)


def _script_of_options(file: File, notes: Notes) -> File:
    """The command of a file of options that comes alone."""
    command = f"vllm serve --config {shlex.quote(file.name)}"
    why = "the file has options of vLLM and no command"
    notes.assume("vllm serve --config", why, Place(file.name))
    name = PurePosixPath(file.name).with_suffix(".sh")
    return File(str(name), command, written_by=file.name)


def _with_placeholders(code: str) -> str:
    """The code with placeholders of pages in the form of the manual: `${model_path}` for `<model-path>`."""

    def placeholder(found: re.Match[str]) -> str:
        name = re.sub(r"\W", "_", found["name"])
        return f"${{{name}}}"

    return _OF_PAGE.sub(placeholder, code)


def _is_script(file: File) -> bool:
    """Whether a file is a script: by its name, else by its content, as for standard input."""
    ending = PurePosixPath(file.name).suffix
    if ending in _SCRIPT_ENDINGS or file.text.startswith("#!"):
        return True
    if ending in _YAML_ENDINGS:
        return False
    if isinstance(read_yaml(file.name, file.text).value, dict | list):
        return False
    has_document = "\n---" in file.text or "apiVersion:" in file.text
    return bool(COMMAND.search(file.text)) and not has_document
