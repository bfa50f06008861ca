"""Reads files of options, which `vllm serve --config FILE` reads, as vLLM does: into words of the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from convert.note import Notes, Place
from convert.server_start import Argument, File
from models.engines.flags import plain_name
from models.engines.releases import releases
from models.stack_file.yaml_file import read_yaml

_FLAG = "--config"
_ENDINGS = (".yaml", ".yml")
_OTHER_KEYS = frozenset({"kind", "apiVersion", "services", "config"})
"""Keys of objects, of Compose files and of stack files."""
_FORM = re.compile(r"--config=(.*)", re.DOTALL)


def is_option_file(file: File) -> bool:
    """Whether a file has only options of vLLM: a mapping whose keys are mostly names of flags."""
    value = read_yaml(file.name, file.text).value
    if not isinstance(value, dict) or not value:
        return False
    if not _OTHER_KEYS.isdisjoint(value):
        return False
    names = [plain_name(str(key)) for key in value]
    known = [name for name in names if name in _flags().names]
    return len(known) * 2 > len(names)


def with_option_files(
    arguments: Sequence[Argument],
    place: Place,
    files: Sequence[File],
    notes: Notes,
) -> list[Argument]:
    """The words of a command line with those of its file of options before them, as vLLM reads them.

    Args:
        arguments: The words after `vllm serve`.
        place: The line of the command.
        files: The files that may have the options.
        notes: Gets a note if a file cannot be read, or if words of the command line replace its options.
    """
    words = [*arguments]
    options: list[Argument] = []
    while True:
        index = _index_of_file(words)
        if index is None:
            break
        named = words.pop(index)
        path = _path(named, words, index)
        at = Place(named.file or place.file, named.line or place.line)
        if path:
            options += _options(path, at, files, notes)
        else:
            notes.drop(_FLAG, "it names no file, so vLLM exits at start", at)
    return [*_without_replaced(options, words, notes), *words]


def _index_of_file(words: Sequence[Argument]) -> int | None:
    for index, word in enumerate(words):
        if word.text == _FLAG or _FORM.fullmatch(word.text):
            return index
    return None


def _path(
    named: Argument,
    words: list[Argument],
    index: int,
) -> str:
    """The path after `--config`, whose word is removed; empty if there is none."""
    found = _FORM.fullmatch(named.text)
    if found:
        return found[1]
    if index < len(words) and not words[index].text.startswith("-"):
        return words.pop(index).text
    return ""


def _options(
    path: str,
    at: Place,
    files: Sequence[File],
    notes: Notes,
) -> list[Argument]:
    """The words of a file of options; empty, with a note, if it cannot be read."""
    name = PurePosixPath(path).name
    file = _file(path, files)
    if file is None:
        why = f"its options are in {name}, which is not among the files: name it on the command line too"
        notes.drop(_FLAG, why, at)
        return []
    if not name.endswith(_ENDINGS):
        why = f"vLLM reads options from .yaml and .yml; it exits at {name}, and convert reads it as meant"
        notes.assume(_FLAG, why, at)
    content = read_yaml(file.name, file.text)
    if not isinstance(content.value, dict):
        why = f"{name} is no mapping of options, so vLLM exits at start"
        notes.drop(_FLAG, why, at)
        return []
    words: list[Argument] = []
    for key, value in content.value.items():
        span = content.spans.get((str(key),))
        line = span.line + file.first_line - 1 if span else 0
        words += _words(str(key), value, file.written_by or file.name, line)
    return words


def _file(path: str, files: Sequence[File]) -> File | None:
    """The file with a path, else the one with its name."""
    name = PurePosixPath(path).name
    named = [file for file in files if PurePosixPath(file.name).name == name]
    exact = [file for file in named if file.name == path]
    return next(iter([*exact, *named]), None)


def _words(
    key: str,
    value: Any,
    file: str,
    line: int,
) -> list[Argument]:
    """The words that vLLM makes of an option. One that is false has a word of its own."""
    option = f"--{key}"
    if isinstance(value, bool):
        return [Argument(option, line, file, is_false=not value)]
    if value is None:
        return [Argument(option, line, file), Argument("None", line, file)]
    if isinstance(value, list) and not value:
        return []
    texts = [_text(item) for item in (value if isinstance(value, list) else [value])]
    return [Argument(text, line, file) for text in (option, *texts)]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _without_replaced(
    options: Sequence[Argument],
    words: Sequence[Argument],
    notes: Notes,
) -> Iterator[Argument]:
    """The options of a file without those that the command line has too."""
    on_command_line = {_name(word) for word in words if word.text.startswith("-")}
    on_command_line -= _flags().added
    is_replaced = False
    for option in options:
        is_name = option.text.startswith("--")
        if is_name:
            is_replaced = _name(option) in on_command_line
        if is_replaced and is_name:
            why = "the command line has it too, and vLLM takes that value"
            notes.replace(option.text, why, Place(option.file, option.line))
        if not is_replaced:
            yield option


def _name(word: Argument) -> str:
    """The plain name of an option. `--no-NAME` and a short form have that of `--NAME`."""
    option = word.text.partition("=")[0]
    short = _flags().short_forms.get(option)
    return short or plain_name(option.replace("--no-", "--", 1))


@dataclass
class _Flags:
    """The flags of all releases by their plain names."""

    names: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    """Those whose values on the command line are added to those of the file."""
    short_forms: dict[str, str] = field(default_factory=dict)


@cache
def _flags() -> _Flags:
    flags = _Flags()
    for known in releases().values():
        for flag in known.flags.values():
            name = plain_name(flag.name)
            flags.names.add(name)
            if flag.kind == "append":
                flags.added.add(name)
            for alias in flag.aliases:
                flags.short_forms[alias] = name
    return flags
