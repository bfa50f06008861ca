"""Sorts the files of a command line: objects of Kubernetes, Compose files, scripts and units of systemd."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from convert.server.systemd_unit import is_unit, script_of_unit
from convert.server_start import File
from models.stack_file.yaml_file import read_yaml

_SCRIPT_ENDINGS = (".sh", ".bash")
_YAML_ENDINGS = (".yaml", ".yml", ".json")
_FENCE = re.compile(r"\s*```")
_OF_PAGE = re.compile(
    r"(?<![<>&\w])<(?P<name>[A-Za-z][\w.-]*)>(?=[\s\"'`:;,/\\)}\]]|$)", re.MULTILINE
)
"""A placeholder of a page, such as `<model-path>`. Bash would read it as a file for input and one for output."""
_COMMAND = re.compile(r"\b(docker|podman|nerdctl)\s+run\b|\bvllm\b", re.IGNORECASE)


@dataclass(frozen=True)
class InputFiles:
    """The files of a command line by their form."""

    objects: tuple[File, ...]
    scripts: tuple[File, ...]


def sorted_files(files: Sequence[File]) -> InputFiles:
    """The files by their form. The order within a form remains."""
    objects = []
    scripts = []
    for file in files:
        if is_unit(file.text):
            scripts.append(replace(file, text=script_of_unit(file.text)))
        elif _is_script(file):
            code = _with_placeholders(_code(file.text))
            scripts.append(replace(file, text=code))
        else:
            objects.append(file)
    return InputFiles(tuple(objects), tuple(scripts))


def _code(text: str) -> str:
    """The code of a page: the lines between ``` and ```. Text without such lines is code as a whole."""
    lines = text.split("\n")
    if not any(_FENCE.match(line) for line in lines):
        return text
    code = []
    is_inside = False
    for line in lines:
        if _FENCE.match(line):
            is_inside = not is_inside
            code.append("")
        elif is_inside:
            code.append(line)
        else:
            code.append("")
    return "\n".join(code)


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
    if any(_FENCE.match(line) for line in file.text.split("\n")):
        return bool(_COMMAND.search(file.text))
    if isinstance(read_yaml(file.name, file.text).value, dict | list):
        return False
    has_document = "\n---" in file.text or "apiVersion:" in file.text
    return bool(_COMMAND.search(file.text)) and not has_document
