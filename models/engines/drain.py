"""How long a pod waits for its requests before its server gets SIGTERM, the same for all releases."""

from __future__ import annotations

from models.engines.model_server import ModelServer

_DRAIN_SECONDS = {"openai": 300, "api_server": 60}


def default_drain(server_kind: str) -> int:
    """Seconds of the drain where the stack file sets none.

    The plain server does not report its requests, so each pod waits for the whole time.
    """
    return _DRAIN_SECONDS[server_kind]


def counts_requests(server: ModelServer) -> bool:
    """Whether the server reports its unfinished requests to a script in its container.

    The plain server has no metrics. With TLS the script cannot read them, and without statistics there are none.
    """
    if server.server.kind == "api_server":
        return False
    return not (server.tls or server.further("disable-log-stats"))
