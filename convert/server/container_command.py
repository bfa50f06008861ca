"""The command of a container: its words, the entrypoint of its image, and the lines of this program in scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from convert.objects import Object
from convert.server_start import File
from models.engines.image_names import full_tag
from models.engines.releases import releases

_PROGRAMS = (".sh", ".bash", ".py")
"""Endings of files that run, and that are no directory of a model."""


def command_words(words: Object) -> list[Object]:
    """The words of `command` or `args`; text instead of a list is one word."""
    items = words.items()
    if not items and words.text():
        return [words]
    return items


def relies_on_entrypoint(container: Object) -> bool:
    """Whether a container has only the arguments of a server, because the entrypoint of its image starts it."""
    if command_words(container.at("command")):
        return False
    first, *others = [part.text() for part in command_words(container.at("args"))]
    is_of_vllm = "vllm" in container.at("image").text().lower()
    if first.startswith("-"):
        names = [word.partition("=")[0] for word in (first, *others)]
        return is_of_vllm or "--model" in names
    is_model = "/" in first and PurePosixPath(first).suffix not in _PROGRAMS
    return is_of_vllm and is_model and bool(others) and others[0].startswith("-")


def without_library_lines(file: File, image: str) -> File:
    """A script without the lines that this program adds for the libraries of an image. Its line numbers remain."""
    text = file.text
    for known in releases().values():
        lines = known.library_lines(full_tag(image))
        if lines:
            text = text.replace(lines, "\n" * lines.count("\n"))
    return replace(file, text=text)
