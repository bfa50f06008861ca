"""What lies beside the launch script in the pod: files that the image's own bash and Python run, read here as text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path

DRAIN = "drain.py"
"""The container's preStop hook: waits until the server has finished its requests."""

WARM_UP = "warm_up.py"
"""Sends the first request, which compiles the graphs, before anybody else can."""

READY = "ready.sh"
"""The container's readiness probe: whether the server takes new requests."""

GRAPH_CACHE = "graph_cache.sh"
"""Gives the server a directory of its own on the volume of the graph cache."""

SMOKE = "smoke.py"
"""Asks a service whether it answers correctly."""

FETCH = "fetch.py"
"""Fetches weights from a bucket."""

BUCKET = "bucket.py"
"""How `fetch.py` asks the bucket."""

STORE = "store.py"
"""Where `fetch.py` keeps weights, and whose turn it is."""

VERIFY = "verify.py"
"""Verifies weights against their manifest."""

FETCHING = (FETCH, BUCKET, STORE, VERIFY)
"""All that `fetch.py` needs beside it."""

MANIFEST = "weights.json"
"""Name of the manifest of the weights beside the scripts."""


def with_manifest(name: str, options: Mapping[str, str], *more: str) -> str:
    """The last line of a step's script: the Python script beside it, which reads the manifest there."""
    words = shlex.join([*(f"--{option}={value}" for option, value in options.items()), *more])
    return f'exec python "${{0%/*}}/{name}" --manifest="${{0%/*}}/{MANIFEST}" {words}\n'


@cache
def script_text(name: str) -> str:
    """The text of a file of this directory."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
