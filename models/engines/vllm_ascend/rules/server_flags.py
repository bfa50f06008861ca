"""Checks of flags of the HTTP server that need another flag; the rule on JSON flags applies them."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.vllm_refusals import refused_flag

_SEVERAL_PORTS = "data-parallel-multi-port-external-lb"
_OTHER_BALANCING = ("data-parallel-external-lb", "data-parallel-hybrid-lb")


def logged_outputs(server: ModelServer) -> Iterator[Problem]:
    """Outputs are logged next to their requests."""
    flag = "enable-log-outputs"
    if (
        server.further(flag) is True
        and server.further("enable-log-requests") is not True
    ):
        yield refused_flag(server, flag, flag, "needs --enable-log-requests")


def metrics_of_requests(server: ModelServer) -> Iterator[Problem]:
    """The metrics of a request are statistics of the engine."""
    flag = "enable-per-request-metrics"
    if server.further(flag) is True and server.further("disable-log-stats") is True:
        because = "needs the statistics that --disable-log-stats turns off"
        yield refused_flag(server, flag, flag, because)


def keep_alive(server: ModelServer) -> Iterator[Problem]:
    """Comments that keep a stream alive are sent at an interval of whole seconds, or never."""
    flag = "sse-keep-alive-interval"
    seconds = server.further(flag)
    if type(seconds) is int and seconds < 0:
        yield refused_flag(server, flag, flag, f"is {seconds}, below 0")


def several_ports(server: ModelServer) -> Iterator[Problem]:
    """A port for each rank needs several ranks on the node, and a number of ranks that its nodes can divide."""
    if server.further(_SEVERAL_PORTS) is not True:
        return
    because = _no_several_ports(server)
    if because:
        yield refused_flag(server, _SEVERAL_PORTS, _SEVERAL_PORTS, because)


def _no_several_ports(server: ModelServer) -> str | None:
    """Why the server cannot have a port for each rank; None if it can."""
    ranks = server.engine.data_parallel_size
    local = server.further("data-parallel-size-local")
    if ranks < 2:
        return "needs dataParallelSize above 1"
    if type(local) is not int or local < 2:
        return "needs --data-parallel-size-local of at least 2"
    if ranks % local:
        return f"needs --data-parallel-size-local that divides dataParallelSize {ranks}"
    if server.further("api-server-count") not in (None, 1):
        return "needs --api-server-count 1"
    if server.further("data-parallel-rank") is not None:
        return "excludes --data-parallel-rank"
    others = [flag for flag in _OTHER_BALANCING if server.further(flag) is True]
    return f"excludes --{others[0]}" if others else None
