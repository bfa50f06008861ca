"""Read a launch back from the launch ConfigMap of a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace

from models.launch.init_steps import MIND_SPEED_DIRECTORY
from models.launch.launch import SCRIPT, Launch, script
from models.stack_file.keys.environment import PathAddition
from review.live_group import group_parts

_SOURCE = re.compile(r"^source (.+) \|\| true$", re.MULTILINE)
_REMOVAL = re.compile(r"^rm -f -- .*\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (\w+)=", re.MULTILINE)
_WORD = r"""(?:[\w@%+=:,./-]+|'[^']*'(?:"'"'[^']*')*)"""
"""A word as `shlex.quote` writes it."""
_PREPENDED = re.compile(
    rf"(?P<prepend>{_WORD})\$\{{(?P<name>\w+):\+:\$(?P=name)\}}(?::(?P<append>{_WORD}))?\n"
)
_APPENDED = re.compile(rf"\$\{{(?P<name>\w+):\+\$(?P=name):\}}(?P<append>{_WORD})\n")
_EXEC = re.compile(r"^exec ", re.MULTILINE)


_MIND_SPEED = PathAddition(prepend=MIND_SPEED_DIRECTORY)


def live_launch(data: Mapping[str, str]) -> Launch | None:
    """The launch in a launch ConfigMap. None: this program did not write the script.

    Args:
        data: The files of the ConfigMap, by name.
    """
    text = data.get(SCRIPT) or ""
    files = {name: content for name, content in data.items() if name != SCRIPT}
    try:
        start = _parse(text, files)
    except (ValueError, IndexError):
        return None
    if script(start) != text:
        return None
    return start


def _parse(text: str, files: Mapping[str, str]) -> Launch:
    head, command = _EXEC.split(text, maxsplit=1)
    group = group_parts(head, command)
    if group:
        command = group.command
    end_of_exports = head.rindex("\n\n") + 2
    exports = _exports(head[:end_of_exports])
    additions = {
        name: value
        for name, value in exports.items()
        if isinstance(value, PathAddition)
    }
    python_path = None
    if additions.get("PYTHONPATH") == _MIND_SPEED:
        python_path = additions.pop("PYTHONPATH").prepend
    start = Launch(
        argv=tuple(shlex.split(command.replace("\\\n", " "))),
        environment={
            name: value for name, value in exports.items() if isinstance(value, str)
        },
        path_additions=additions,
        init_files=tuple(_init_files(head)),
        files=files,
        python_path=python_path,
        before=head[end_of_exports:],
        first=_first_lines(head),
    )
    if group is None:
        return start
    return replace(start, runner=group.runner, member=group.member, form=group.form)


def _first_lines(head: str) -> str:
    """The line that removes files of an earlier container, if the script has it."""
    line = _REMOVAL.search(head)
    return line[0] if line else ""


def _exports(head: str) -> dict[str, str | PathAddition]:
    """The value of each exported variable, or the paths that are added to that of the image."""
    exports: dict[str, str | PathAddition] = {}
    for export in _EXPORT.finditer(head):
        value = head[export.end() :]
        addition = _PREPENDED.match(value) or _APPENDED.match(value)
        if addition and addition["name"] == export[1]:
            exports[export[1]] = _path_addition(addition.groupdict())
        else:
            exports[export[1]] = _first_word(value)
    return exports


def _path_addition(words: Mapping[str, str | None]) -> PathAddition:
    """The paths of an addition, without their quotes."""
    paths = {
        name: _first_word(word)
        for name, word in words.items()
        if word and name != "name"
    }
    return PathAddition(**paths)


def _init_files(head: str) -> Iterator[str]:
    for source in _SOURCE.finditer(head):
        yield shlex.split(source[1])[0]


def _first_word(text: str) -> str:
    """The first word of a shell script, without its quotes."""
    words = shlex.shlex(text, posix=True)
    words.whitespace_split = True
    words.commenters = ""
    return words.get_token() or ""
