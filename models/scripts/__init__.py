"""What lies beside the launch script in the pod: files that the image's own bash and Python run, read here as text."""

from __future__ import annotations

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


@cache
def script_text(name: str) -> str:
    """The text of a file of this directory."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
