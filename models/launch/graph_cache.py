"""The cache of compiled graphs: its key, and the lines of the launch script that use it.

A server fails on the graphs of a server with another model or other arguments (manual, Step 3). So the graphs are kept
under a key of everything that they depend on.
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
    """Twelve hexadecimal digits that change with everything that compiled graphs depend on.

    Args:
        image: Image of the container.
        model_source: Directory of the weights.
        argv: The argument list of the launch; the order of its flags does not count.
        environment: The variables of the launch.
        neutral_flags: Flags that do not change the graphs, without `--`.
        neutral_variables: Variables that do not change the graphs.
    """
    flags = {
        name: values
        for name, values in _by_flag(argv).items()
        if name not in neutral_flags
    }
    variables = {
        name: value
        for name, value in environment.items()
        if name not in neutral_variables
    }
    text = json.dumps([image, model_source, flags, variables], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def graph_cache_lines(root: str, service: str, key: str, *, directory: str) -> str:
    """The lines of the launch script that give the server its directory of the cache.

    They come directly before the server's `exec`. A process that starts in the background after them needs `9>&-`.
    Otherwise it keeps the lock of the directory when the server restarts.

    Args:
        root: Directory of the container with the volume of the cache.
        service: Name of the service.
        key: The key from `graph_cache_key`.
        directory: Directory of the container with the launch script.
    """
    library = shlex.quote(f"{directory}/{GRAPH_CACHE}")
    arguments = shlex.join([root, service, key])
    return f"source {library}\nuse_graph_cache {arguments}\n"


def _by_flag(argv: Iterable[str]) -> dict[str, list[str]]:
    """The values of each flag in their order, also of a repeated flag. The words before the first flag are under ''."""
    flags: dict[str, list[str]] = {}
    name = ""
    for word in argv:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            values = flags.setdefault(name, [])
            if equals:
                values.append(value)
        else:
            flags.setdefault(name, []).append(word)
    return flags
