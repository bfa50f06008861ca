"""The rule on the time in which a server finishes its requests after SIGTERM."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.drain import SHUTDOWN_FLAG
from models.engines.vllm_ascend.platforms import platform
from models.finding import Finding, no_effect


@rule("no-effect")
def shutdown_timeout(server: ModelServer) -> Iterator[Finding]:
    """`--shutdown-timeout` is set for releases that finish their requests with it.

    A real server of vLLM 0.18.0 with `--shutdown-timeout 60` ended within a second of SIGTERM: a request got the body
    `null`, and a stream broke off, as without the flag (vllm/entrypoints/launcher.py:110). The drain of the pod waits
    for the requests before SIGTERM, in every release.
    """
    sigterm = platform(server.release.version).sigterm
    seconds = server.further(SHUTDOWN_FLAG)
    if not seconds or sigterm is None or sigterm.drains_with_flag:
        return
    version = server.release.version
    yield no_effect(
        f"vLLM {version} does not finish its requests in the {seconds} seconds of --{SHUTDOWN_FLAG}",
        why="it ends within a second of SIGTERM and answers open requests with null (vllm/entrypoints/launcher.py:110);"
        " the drain of the pod waits for them before SIGTERM",
        fix=f"remove {extra_argument_key(server, SHUTDOWN_FLAG)}",
        marks=[extra_argument_mark(server, SHUTDOWN_FLAG)],
    )
