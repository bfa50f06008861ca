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
    arguments = {"engine": server.engine.extra_args, "server": server.server.extra_args}
    for part, written in arguments.items():
        for name in written:
            if plain_name(name) == plain_name(flag):
                return f"{part}.extraArgs.{name}"
    return f"engine.extraArgs.{to_camel(flag.replace('-', '_'))}"


def extra_argument_mark(server: ModelServer, flag: str, note: str = "") -> Mark:
    """The mark of a flag under `extraArgs`."""
    part, _, name = extra_argument_key(server, flag).split(".", 2)
    return at(f"{part}.extraArgs", note, key=name)


def tensor_parallel_edit(server: ModelServer, size: int) -> str:
    """The edit that splits the model of a service into another number of parts."""
    edit = f"write engine.tensorParallelSize: {size}"
    engine = server.engine
    ranks = size * engine.tensor_groups
    npus = ranks // server.nodes
    is_divided = ranks % server.nodes == 0
    if is_divided and is_written(server, "npus") and npus != server.npus:
        return f"{edit} and {npus_edit(server, npus)}"
    if is_written(server, "visibleDevices"):
        return f"{edit} and remove visibleDevices"
    return edit


def npus_edit(server: ModelServer, npus: int) -> str:
    """The edit that gives the pods of a service another number of NPUs."""
    if is_written(server, "visibleDevices"):
        return f"write npus: {npus} and remove visibleDevices"
    return f"write npus: {npus}"
