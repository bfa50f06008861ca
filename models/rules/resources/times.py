"""The rule on times that are too short for their steps."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.memory import GIB
from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.resolve import usual_startup
from models.service.resolved import ResolvedService

_FASTEST_START = 10
_FAST_START = 30
"""Seconds to load the libraries and to create the engine, without the weights."""

_FASTEST_READ = 20 * GIB
_FAST_READ = 5 * GIB
"""Bytes a second from the disks of a node."""

_FASTEST_FETCH = 10 * GIB
"""Bytes a second from a bucket, or of a disk with SHA-256."""

_SHORTEST_STEP = 10
"""Seconds of a step of the engine with the longest prompts."""

_STEP_WITHOUT_GRAPHS = 60
"""Seconds of a step that vLLM allows by default."""


@rule("error", "warning")
def time_too_short(service: ResolvedService) -> Iterator[Finding]:
    """Times are long enough for the steps that they limit.

    A server that does not answer within `startup` is killed and starts again, forever. It has to load its libraries and
    to read its weights, which takes at least 10 seconds and a second for each 20 GiB. Below 30 seconds and a second for
    each 5 GiB, the finding is a warning. `graph.warmUp` adds a minute. Weights are fetched or verified at 10 GiB a
    second at most (`model.preparation`). The engine ends if a step takes longer than `iterationTimeout`; with PTA
    graphs, the first step compiles, which takes longer than the 60 seconds that vLLM allows by default (manual, Step 3,
    graph mode).
    """
    yield from _startup(service)
    yield from _preparation(service)
    yield from _steps(service)


def _startup(service: ResolvedService) -> Iterator[Finding]:
    if "startup" not in service.configured:
        return
    weights = _weights(service)
    compilation = 0
    if service.pta_graph and service.pta_graph.warm_up:
        compilation = _STEP_WITHOUT_GRAPHS
    fastest = _FASTEST_START + weights // _FASTEST_READ + compilation
    fast = _FAST_START + weights // _FAST_READ + compilation
    if service.startup >= fast:
        return
    severity = warning
    least = fast
    if service.startup < fastest:
        severity = error
        least = fastest
    size = ""
    if weights:
        size = f" and reads {weights / GIB:.1f} GiB of weights"
    yield severity(
        f"startup {service.startup}s is too short for {service.model.name}, which takes at least {least}s",
        why=f"the server loads its libraries{size}; the kubelet would kill it again and again",
        fix=f"write startup: {usual_startup(service.facts)}s, or remove startup",
        marks=[at("startup"), at("model.name")],
    )


def _weights(service: ResolvedService) -> int:
    """The bytes of the weights; 0 if they are not known."""
    if service.facts is None:
        return 0
    use = service.release.memory_use(service, service.facts)
    return use.weights * service.engine.npus_used


def _preparation(service: ResolvedService) -> Iterator[Finding]:
    files = service.checksums
    if files is None or "model.preparation" not in service.configured:
        return
    fastest = files.total // _FASTEST_FETCH
    if service.model.preparation >= fastest:
        return
    yield error(
        f"model.preparation {service.model.preparation}s is too short for {files.total / GIB:.1f} GiB of weights",
        why=f"they take at least {fastest}s, so each update fails before the weights are ready",
        fix="remove model.preparation",
        marks=[at("model.preparation"), at("model.verify")],
    )


def _steps(service: ResolvedService) -> Iterator[Finding]:
    """Of two settings of the same variable, the longer one counts."""
    graph = service.pta_graph
    pictures = service.multimodal
    timeouts = [setting.iteration_timeout for setting in (graph, pictures) if setting]
    longest = max(timeouts, default=0)
    if graph and longest <= _STEP_WITHOUT_GRAPHS:
        yield error(
            f"graph.iterationTimeout {graph.iteration_timeout}s is too short to compile graphs",
            why="the first step compiles, and the engine ends if it takes longer (manual, Step 3, graph mode)",
            fix="remove graph.iterationTimeout",
            marks=[at("graph.iterationTimeout")],
        )
    elif pictures and longest < _SHORTEST_STEP:
        yield warning(
            f"multimodal.iterationTimeout {pictures.iteration_timeout}s is too short for long prompts",
            why="the engine ends if a step takes longer (manual, Step 3, VLLM_ENGINE_ITERATION_TIMEOUT_S)",
            fix="remove multimodal.iterationTimeout",
            marks=[at("multimodal.iterationTimeout")],
        )
