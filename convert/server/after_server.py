"""Notes about commands after the start of the server: a second server, a lost flag, a program next to the server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from convert.note import Notes, Place, dropped
from convert.server.command import HARMLESS, server_command
from convert.server.option_files import with_option_files
from convert.server_start import Argument, File, SecondServer, Start

_DEFAULT_PORT = "8000"
_LONGEST_NAME = 40
"""How many characters of a command a note shows."""
_BESIDE = (
    "it runs next to the server, and convert keeps only the server: "
    "write a container for it under podTemplate.spec.containers"
)
_QUIET = HARMLESS | {"[", "[[", ":", "export", "disown", "jobs", "fg", "local", "true"}
_NAME = re.compile(r"[\w./-]+")


def note_after_server(
    start: Start,
    arguments: Sequence[Argument],
    place: Place,
    files: Sequence[File],
) -> None:
    """Note a command after the start of the server, if something is lost with it.

    Args:
        start: The start of the server.
        arguments: The words of the command.
        place: Its line.
        files: The files that may have options of a second server.
    """
    first = arguments[0].text
    server = server_command(arguments)
    if server:
        why = _reason_of_second_server(start.arguments, server.arguments)
        note = dropped("a second server", why, place)
        start.notes.append(note)
        words = with_option_files(server.arguments, place, files, Notes())
        start.second_servers.append(SecondServer(tuple(words), note))
    elif first.startswith("-"):
        why = "bash runs it as a separate command after the server has ended"
        start.notes.drop("a flag after the end of the command", why, place)
    elif start.in_background and first not in _QUIET and _NAME.fullmatch(first):
        name = PurePosixPath(first).name[:_LONGEST_NAME]
        start.notes.drop(f"the command {name}", _BESIDE, place)


def _reason_of_second_server(
    first_server: Sequence[Argument],
    second_server: Sequence[Argument],
) -> str:
    """Why the second server is lost, with the ports of both command lines."""
    first = _port(first_server)
    second = _port(second_server)
    if first == second:
        return f"it has the port of the first one, {first}, so only one can run: write a service for each"
    return (
        f"a pod runs one server, here that on port {first}: write a service for each, "
        f"the other one with server.port: {second}"
    )


def _port(arguments: Sequence[Argument]) -> str:
    """The port of a command line, or vLLM's default."""
    port = _DEFAULT_PORT
    for index, word in enumerate(arguments):
        following = next(iter(arguments[index + 1 :]), None)
        name, equals, value = word.text.partition("=")
        if name != "--port":
            continue
        if equals:
            port = value
        elif following:
            port = following.text
    return port
