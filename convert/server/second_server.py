"""Why the second server of a script is lost."""

from __future__ import annotations

from collections.abc import Sequence

from convert.server_start import Argument

_DEFAULT_PORT = "8000"


def reason_of_second_server(
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
