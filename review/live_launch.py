"""Read a launch back from the launch ConfigMap of a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from models.launch.launch import SCRIPT, Launch, script

_SOURCE = re.compile(r"^source (.+) \|\| true$", re.MULTILINE)
_REMOVAL = re.compile(r"^rm -f -- .*\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (\w+)=", re.MULTILINE)
_EXEC = re.compile(r"^exec ", re.MULTILINE)


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
    end_of_exports = head.rindex("\n\n") + 2
    environment = _exports(head)
    python_path = environment.pop("PYTHONPATH", None)
    if python_path:
        python_path = python_path.partition("${")[0]
    return Launch(
        argv=tuple(shlex.split(command.replace("\\\n", " "))),
        environment=environment,
        init_files=tuple(_init_files(head)),
        files=files,
        python_path=python_path,
        before=head[end_of_exports:],
        first=_first_lines(head),
    )


def _first_lines(head: str) -> str:
    """The line that removes files of an earlier container, if the script has it."""
    line = _REMOVAL.search(head)
    return line[0] if line else ""


def _exports(head: str) -> dict[str, str]:
    return {
        export[1]: _first_word(head[export.end() :])
        for export in _EXPORT.finditer(head)
    }


def _init_files(head: str) -> Iterator[str]:
    for source in _SOURCE.finditer(head):
        yield shlex.split(source[1])[0]


def _first_word(text: str) -> str:
    """The first word of a shell script, without its quotes."""
    words = shlex.shlex(text, posix=True)
    words.whitespace_split = True
    words.commenters = ""
    return words.get_token() or ""
