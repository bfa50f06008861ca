"""The helper scripts in the directory of the launch script. The image's own bash and Python run them in the pod."""

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
"""Gives the server a separate directory on the volume of the graph cache."""

MEMBER = "member.py"
"""Runs the server of one pod of a group, and keeps the servers of the group together."""

MEMBER_CONNECTION = "member_connection.py"
"""The connection between the leader and a worker, for `member.py`."""

MEMBER_SERVER = "member_server.py"
"""The process of the server, for `member.py`."""

SMOKE = "smoke.py"
"""Sends requests to a service and checks its answers."""

SMOKE_POOLING = "smoke_pooling.py"
"""The same for a model that embeds texts or scores documents."""

FETCH = "fetch.py"
"""Downloads weights from a bucket."""

BUCKET = "bucket.py"
"""The requests of `fetch.py` to the bucket."""

STORE = "store.py"
"""The directories of `fetch.py`, and the order in which pods download."""

VERIFY = "verify.py"
"""Verifies weights against their checksums."""

PREFLIGHT = "preflight.py"
"""Compares the node and the weights with what a service needs. The container gets it as an argument."""

FETCHING = (FETCH, BUCKET, STORE, VERIFY)
"""The scripts that `fetch.py` needs."""

CHECKSUMS = "weights.json"
"""Name of the file with the checksums of the weights."""


def with_checksums(name: str, options: Mapping[str, str], *more: str) -> str:
    """The last line of a step: it runs a Python script, which reads the checksums from the same directory."""
    words = [f"--{option}={value}" for option, value in options.items()]
    arguments = shlex.join([*words, *more])
    return f'exec python "${{0%/*}}/{name}" --manifest="${{0%/*}}/{CHECKSUMS}" {arguments}\n'


@cache
def script_text(name: str) -> str:
    """The text of a file of this directory."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
