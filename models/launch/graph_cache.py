"""The cache of compiled graphs: what it is kept under, and the lines of the launch script that use it.

A server that was started with another model or other arguments fails on the graphs of the one before (manual, Step 3);
under a key of all that they depend on, it never meets them.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence

from models.launch.scripts import GRAPH_CACHE


def graph_cache_key(
    image: str,
    model_source: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    neutral_flags: Collection[str],
    neutral_variables: Collection[str],
) -> str:
    """Twelve hexadecimal digits that stand for all that compiled graphs depend on.

    Args:
        image: Image of the container.
        model_source: Directory of the weights.
        argv: The argument list of the launch; the order of its flags does not count.
        environment: The variables of the launch.
        neutral_flags: Flags that do not change the graphs, without `--`.
        neutral_variables: Variables that do not change the graphs.
    """
    flags = {name: values for name, values in _by_flag(argv).items() if name not in neutral_flags}
    variables = {name: value for name, value in environment.items() if name not in neutral_variables}
    text = json.dumps([image, model_source, flags, variables], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def graph_cache_lines(root: str, service: str, key: str, *, directory: str) -> str:
    """The lines of the launch script that put the server into its directory of the cache.

    They come right before the server's `exec`. A process that is started in the background after them needs `9>&-`,
    or it keeps the slot from a server that starts again.

    Args:
        root: Where the container sees the cache's volume.
        service: Name of the service.
        key: What `graph_cache_key` gave.
        directory: Where the container sees the files beside the launch script.
    """
    return (
        f"source {shlex.quote(f'{directory}/{GRAPH_CACHE}')}\n"
        f"use_graph_cache {shlex.quote(root)} {shlex.quote(service)} {shlex.quote(key)}\n"
    )


def _by_flag(argv: Iterable[str]) -> dict[str, list[str]]:
    """The values of each flag in their order, those of a flag that is repeated together; the program's under ''."""
    flags: dict[str, list[str]] = {}
    name = ""
    for word in argv:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            flags.setdefault(name, []).extend([value] if equals else [])
        else:
            flags.setdefault(name, []).append(word)
    return flags
