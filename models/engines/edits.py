"""The edits that a fix consists of. They work when they are applied literally.

A test applies every fix: it reads `write KEY: VALUE`, `write KEY: VALUE under PATH`, `remove KEY` and `rename KEY to
NAME`, joined by `and`, with alternatives after `or`.
"""

from __future__ import annotations

import re

from pydantic.alias_generators import to_camel

from models.engines.flags import plain_name
from models.engines.model_server import ModelServer
from models.finding import Mark, at

_PLACE = re.compile(r".*:\d+")
"""The origin of a value that a stack file contains: the file and the line."""


def is_written(server: ModelServer, field: str) -> bool:
    """Whether the stack file contains a field of a service."""
    origin = server.origins.get(field)
    return origin is not None and _PLACE.fullmatch(origin.source) is not None


def extra_argument_key(server: ModelServer, flag: str) -> str:
    """The path of a flag under `extraArgs`: as the stack file has it, or the path to write it to."""
    part, name = _extra_argument(server, flag)
    return f"{part}.extraArgs.{name}"


def extra_argument_mark(server: ModelServer, flag: str, note: str = "") -> Mark:
    """The mark of a flag under `extraArgs`."""
    part, name = _extra_argument(server, flag)
    return at(f"{part}.extraArgs", note, key=name)


def _extra_argument(server: ModelServer, flag: str) -> tuple[str, str]:
    """The part of the service that a flag belongs to, and the name of the flag there.

    Upper case, `-` and `_` do not count. A flag that the stack file does not have belongs to `engine`.
    """
    for name in server.engine.extra_args:
        if plain_name(name) == plain_name(flag):
            return "engine", name
    for name in server.server.extra_args:
        if plain_name(name) == plain_name(flag):
            return "server", name
    return "engine", to_camel(flag.replace("-", "_"))


def tensor_parallel_edit(server: ModelServer, size: int) -> str:
    """The edit that splits the model of a service into another number of parts.

    The number of NPUs follows it if the stack file contains one and each pod gets a whole number.
    """
    edit = f"write engine.tensorParallelSize: {size}"
    engine = server.engine
    ranks = size * engine.tensor_groups
    npus, undivided_ranks = divmod(ranks, server.nodes)
    is_other_number = undivided_ranks == 0 and npus != server.npus
    if is_other_number and is_written(server, "npus"):
        return f"{edit} and {npus_edit(server, npus)}"
    if is_written(server, "visibleDevices"):
        return f"{edit} and remove visibleDevices"
    return edit


def npus_edit(server: ModelServer, npus: int) -> str:
    """The edit that gives the pods of a service another number of NPUs."""
    if is_written(server, "visibleDevices"):
        return f"write npus: {npus} and remove visibleDevices"
    return f"write npus: {npus}"
