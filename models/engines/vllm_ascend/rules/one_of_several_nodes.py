"""The rule on a server on one node whose flags make it a part of a larger server."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.vllm_refusals import places
from models.finding import Finding, Mark, at, error, warning

_LOCAL = "data-parallel-size-local"
_START = "data-parallel-start-rank"
_EXTERNAL = ("data-parallel-rank", "data-parallel-external-lb")
_RANK = "rank-range"
_ALONE = "rank-of-one-copy"
_SEVERAL_PORTS = "data-parallel-multi-port-external-lb"
_SUPERVISOR = "data-parallel-supervisor-port"
_DENSE = "external-data-parallel-dense"


@rule("error", "warning")
def flag_of_several_nodes(server: ModelServer) -> Iterator[Finding]:
    """A server on one node has no flag that makes it a part of a server over several nodes.

    Such a server waits for the other parts, which nothing starts, or it has no API server, so it never becomes ready.
    `nodes` sets these flags for each pod. If every part is a separate service (external data parallelism), the model
    must have experts (vllm/engine/arg_utils.py).
    """
    if server.group:
        return
    yield from _headless(server)
    yield from _nodes(server)
    yield from _copies_elsewhere(server)
    yield from _external(server)
    yield from _several_ports(server)


def _headless(server: ModelServer) -> Iterator[Finding]:
    if server.further("headless") is not True:
        return
    yield error(
        "--headless starts a server without an API server, and the service has one pod",
        why="nothing listens on the port of the service, so its pod never becomes ready"
        " (vllm/entrypoints/cli/serve.py)",
        fix=f"remove {extra_argument_key(server, 'headless')}",
        marks=[extra_argument_mark(server, "headless")],
    )


def _nodes(server: ModelServer) -> Iterator[Finding]:
    nodes = server.further("nnodes")
    if type(nodes) is not int or nodes < 2:
        return
    yield error(
        f"--nnodes {nodes} waits for {nodes} nodes, and the service has one pod",
        why="nothing starts the other parts of the server, so its pod never becomes ready; nodes starts them",
        fix=f"remove {extra_argument_key(server, 'nnodes')}",
        marks=[extra_argument_mark(server, "nnodes")],
    )


def _copies_elsewhere(server: ModelServer) -> Iterator[Finding]:
    """The engine has copies that this server does not start."""
    copies = server.engine.data_parallel_size
    local = server.further(_LOCAL)
    start = server.further(_START)
    if type(local) is int and local < copies:
        flag, text = _LOCAL, f"starts {local} of {copies} copies of the engine"
    elif type(start) is int and start > 0:
        flag, text = _START, "leaves the first copies of the engine to another server"
    else:
        return
    value = server.further(flag)
    yield error(
        f"--{flag} {value} {text}, and the service has one pod",
        why="nothing starts the other copies, so its pod never becomes ready; nodes starts them",
        fix=f"remove {extra_argument_key(server, flag)}",
        marks=[extra_argument_mark(server, flag), _copies(server)],
    )


def _external(server: ModelServer) -> Iterator[Finding]:
    flags = [flag for flag in _EXTERNAL if _is_set(server, flag)]
    copies = server.engine.data_parallel_size
    if not flags:
        return
    version = server.release.version
    removals = " and ".join(
        f"remove {extra_argument_key(server, flag)}" for flag in flags
    )
    marks = [*(extra_argument_mark(server, flag) for flag in flags), _copies(server)]
    if copies < 2:
        yield error(
            f"--{flags[0]} needs dataParallelSize above 1",
            why=f"vLLM {version} exits at start ({places()[_ALONE][version]})",
            fix=removals,
            marks=marks,
        )
        return
    rank = server.further(_EXTERNAL[0])
    if type(rank) is int and not 0 <= rank < copies:
        yield error(
            f"--{_EXTERNAL[0]} {rank} is not from 0 to {copies - 1}",
            why=f"vLLM {version} exits at start ({places()[_RANK][version]})",
            fix=removals,
            marks=marks,
        )
        return
    place = places()[_DENSE].get(version)
    if place and server.facts and not server.facts.moe:
        yield error(
            f"--{flags[0]} needs a model with experts, and {server.model.name} has none",
            why=f"vLLM {version} exits at start ({place})",
            fix=removals,
            marks=marks,
        )
        return
    yield warning(
        f"--{flags[0]} starts one of {copies} copies of the engine, and the service has one pod",
        why="the server waits for the other copies, so its pod becomes ready only if other services start them;"
        " nodes starts them",
        fix=removals,
        marks=marks,
    )


def _several_ports(server: ModelServer) -> Iterator[Finding]:
    """A server on a separate port for each copy of the engine."""
    if server.further(_SEVERAL_PORTS) is not True:
        return
    flags = [_SEVERAL_PORTS]
    if server.further(_SUPERVISOR) is not None:
        flags.append(_SUPERVISOR)
    first = server.server.port
    last = first + server.engine.data_parallel_size - 1
    yield error(
        f"--{_SEVERAL_PORTS} starts a server for each copy of the engine, and the Service knows port {first} only",
        why=f"the copies listen on the ports {first} to {last}, so only the first one gets requests"
        " (vllm/entrypoints/openai/dp_supervisor.py:119 of 0.23.0)",
        fix=" and ".join(
            f"remove {extra_argument_key(server, flag)}" for flag in flags
        ),
        marks=[extra_argument_mark(server, _SEVERAL_PORTS), _copies(server)],
    )


def _is_set(server: ModelServer, flag: str) -> bool:
    value = server.further(flag)
    return value is not None and value is not False


def _copies(server: ModelServer) -> Mark:
    copies = server.engine.data_parallel_size
    return at("engine.dataParallelSize", f"{copies} copies")
