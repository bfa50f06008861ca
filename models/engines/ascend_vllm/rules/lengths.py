"""Rules on the length of requests, and on the window of a model's attention."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.facts import ModelFacts
from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import facts_rule
from models.finding import Finding, at, error

_DISABLED_WINDOW = "disable-sliding-window"

_SCALED_BY_CONFIG = ("su", "longrope", "llama3")
"""Types of rope scaling with which vLLM 0.6.3 can disable a window."""


@facts_rule("error")
def length_above_model(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """`maxModelLen` is at most the length that the model supports.

    vLLM 0.6.3 exits at start with more than config.json allows, rope scaling included, unless
    `VLLM_ALLOW_LONG_MAX_MODEL_LEN` is 1 (vllm/config.py:1679; manual, Step 3, --max-model-len). Longer lengths that
    Huawei publishes for a few models were measured with later engines.
    """
    length = server.engine.max_model_len
    longest = _longest(server, facts)
    if longest is None or length <= longest or _allows_long(server):
        return
    yield error(
        f"maxModelLen {length} exceeds the {longest} tokens that {server.model.name} supports",
        why="vLLM 0.6.3 exits at start with more than the model's config.json allows (vllm/config.py:1679)",
        fix=f"write engine.maxModelLen: {longest}",
        marks=[
            at("engine.maxModelLen", "tokens of the longest request"),
            at("model.name", f"{longest} tokens"),
        ],
    )


def _longest(server: ModelServer, facts: ModelFacts) -> int | None:
    """The longest request that a model supports, in tokens; None if it is unknown."""
    if not server.further(_DISABLED_WINDOW):
        return facts.longest
    if facts.scaled_context and facts.sliding_window:
        return min(facts.scaled_context, facts.sliding_window)
    return facts.scaled_context


def _allows_long(server: ModelServer) -> bool:
    value = server.env.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "")
    return value.strip().lower() in ("1", "true")


@facts_rule("error")
def sliding_window_rope_scaling(
    server: ModelServer, facts: ModelFacts
) -> Iterator[Finding]:
    """`disableSlidingWindow` is off for a model with rope scaling.

    vLLM 0.6.3 exits at start, unless the type of scaling is su, longrope or llama3 (vllm/config.py:1752). It also
    exits if the model has no window.
    """
    scaling = facts.rope_scaling
    if scaling is None or scaling.type in _SCALED_BY_CONFIG:
        return
    if not server.further(_DISABLED_WINDOW):
        return
    key = extra_argument_key(server, _DISABLED_WINDOW)
    yield error(
        f"disableSlidingWindow and rope scaling of type {scaling.type} exclude each other",
        why="vLLM 0.6.3 exits at start with both (vllm/config.py:1752)",
        fix=f"remove {key}",
        marks=[
            extra_argument_mark(server, _DISABLED_WINDOW),
            at("model.name", f"rope scaling of type {scaling.type}"),
        ],
    )


@facts_rule("error")
def prefix_caching_sliding_window(
    server: ModelServer, facts: ModelFacts
) -> Iterator[Finding]:
    """Prefix caching and a sliding window exclude each other.

    vLLM 0.6.3 exits at start with both, unless the window is disabled (vllm/config.py:645).
    """
    window = facts.sliding_window
    if not server.prefix_caching or not window or server.further(_DISABLED_WINDOW):
        return
    fix = "remove prefixCaching"
    if _can_disable_window(server, facts, window):
        fix += ", or write engine.extraArgs.disableSlidingWindow: true"
    yield error(
        "prefix caching and a sliding window exclude each other",
        why="vLLM 0.6.3 exits at start with both (vllm/config.py:645)",
        fix=fix,
        marks=[
            at("prefixCaching"),
            at("model.name", f"a window of {window} tokens"),
        ],
    )


def _can_disable_window(server: ModelServer, facts: ModelFacts, window: int) -> bool:
    """Whether the engine starts without the window: requests are not longer, and positions are not scaled."""
    scaling = facts.rope_scaling
    is_scaled = scaling is not None and scaling.type not in _SCALED_BY_CONFIG
    return server.engine.max_model_len <= window and not is_scaled
