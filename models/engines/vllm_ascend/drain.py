"""How a server of vllm-ascend is drained, and how its health is asked.

Without `--shutdown-timeout`, SIGTERM drops the requests in flight: 0.18.0 answers them with `null`, later releases
leave them without an answer. So each pod first waits for its requests (preStop). Releases that finish their requests
within `--shutdown-timeout` (see `platforms.json`) still answer a request that takes longer than this wait.
"""

from __future__ import annotations

from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.platforms import platform

HEALTH_PATH = "/health"
"""It answers without a key, as long as the engine lives (vllm/entrypoints/serve/instrumentator/health.py)."""

SHUTDOWN_FLAG = "shutdown-timeout"
"""Seconds after SIGTERM in which the server finishes its requests. It ends earlier if there are none."""

_SHUTDOWN_SECONDS = 60
"""Seconds for requests that took longer than the drain."""


def shutdown_seconds(server: ModelServer) -> int:
    """Seconds after SIGTERM in which the server still answers its requests; 0 if it drops them.

    A value under `extraArgs` is the user's. The plain server has no such flag.
    """
    sigterm = platform(server.release.version).sigterm
    if sigterm is None or not sigterm.drains_with_flag:
        return 0
    if server.server.kind == "api_server":
        return 0
    configured = server.further(SHUTDOWN_FLAG)
    if isinstance(configured, int):
        return configured
    return _SHUTDOWN_SECONDS
