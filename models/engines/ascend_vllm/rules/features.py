"""Rules on optional features: speculative decoding, LoRA, served names, graph mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from models.engines.ascend_vllm.graph_gears import most_gears
from models.engines.drafts import draft_edit, draft_limit
from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.features import DraftModel, EagleHead
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.finding import Finding, at, error, warning
from models.yaml_scalar import as_yaml

_SMALLEST_GEAR = 2
_CANN_GRAPH_MODELS = ("llama", "qwen2")


@rule("error")
def draft_is_model(server: ModelServer) -> Iterator[Finding]:
    """The draft model differs from the model that verifies.

    A draft as large as the model makes every token more expensive. Use a much smaller model of the same series (manual,
    Step 3, --speculative-model).
    """
    speculative = server.speculative
    if not isinstance(speculative, DraftModel | EagleHead):
        return
    if PurePosixPath(speculative.source) == PurePosixPath(server.model.path):
        yield error(
            "the draft model is the model itself",
            why="a draft that is not smaller makes every token more expensive (manual, Step 3, --speculative-model)",
            fix=draft_edit(server),
            marks=[
                at("speculative.source", "drafts"),
                at("model.source", "verifies"),
            ],
        )


@rule("error")
def draft_length(server: ModelServer) -> Iterator[Finding]:
    """`speculativeMaxModelLen` is at most `maxModelLen`, and at most the length that the draft model supports.

    vLLM 0.6.3 exits at start with more (vllm/config.py:1346).
    """
    flag = "speculative-max-model-len"
    length = server.further(flag)
    if not isinstance(server.speculative, DraftModel | EagleHead):
        return
    if not isinstance(length, int):
        return
    limit = draft_limit(server)
    if length <= limit.tokens:
        return
    key = extra_argument_key(server, flag)
    yield error(
        f"speculativeMaxModelLen {length} exceeds the {limit.tokens} tokens of {limit.reason}",
        why="vLLM 0.6.3 exits at start with more (vllm/config.py:1346)",
        fix=f"write {key}: {limit.tokens}, or remove {key}",
        marks=[extra_argument_mark(server, flag), limit.mark],
    )


@rule("error")
def lora_cann_graph(server: ModelServer) -> Iterator[Finding]:
    """LoRA on one NPU requires `graph: eager`.

    On a single NPU, CANN graphs are on by default for Llama and Qwen2. They do not support several LoRA adapters
    (manual, Step 3, --enforce-eager).
    """
    has_graphs = server.facts is None or server.facts.model_type in _CANN_GRAPH_MODELS
    if (
        server.lora
        and has_graphs
        and server.graph.kind == "cann"
        and server.engine.npus_used == 1
    ):
        yield error(
            "LoRA on one NPU requires graph: eager",
            why="CANN graphs, the default on one NPU, do not support LoRA adapters (manual, Step 3, --enforce-eager)",
            fix="write graph: eager",
            marks=[
                at("graph", "CANN graphs are on"),
                at("lora", "adapters"),
            ],
        )


@rule("error")
def served_names(server: ModelServer) -> Iterator[Finding]:
    """`servedModelName` contains each name once.

    Requests select the model by name, so the second one has no effect (manual, Step 3, --served-model-name).
    """
    names = server.engine.served_model_name
    distinct = list(dict.fromkeys(names))
    if len(distinct) == len(names):
        return
    repeated = next(name for name in names if names.count(name) > 1)
    yield error(
        f"servedModelName contains the name {repeated!r} twice",
        why="requests select the model by name, so the second has no effect (manual, Step 3, --served-model-name)",
        fix=f"write engine.servedModelName: {as_yaml(distinct)}",
        marks=[at("engine.servedModelName")],
    )


@rule("warning")
def prefix_caching_multimodal(server: ModelServer) -> Iterator[Finding]:
    """Prefix caching has no effect for a multimodal model.

    vLLM 0.6.3 disables it and logs a line (vllm/engine/arg_utils.py:903).
    """
    if not server.prefix_caching:
        return
    if server.multimodal:
        reason = at("multimodal", "images in requests")
    elif server.facts and server.facts.multimodal:
        reason = at("model.name", "a multimodal model")
    else:
        return
    yield warning(
        "prefix caching has no effect for a multimodal model",
        why="vLLM 0.6.3 disables it (vllm/engine/arg_utils.py:903)",
        fix="remove prefixCaching",
        marks=[
            at("prefixCaching"),
            reason,
        ],
    )


@rule("error")
def graph_gears(server: ModelServer) -> Iterator[Finding]:
    """PTA graphs have at most six different gears, from 2 to `maxNumSeqs`.

    Gear 1 or a seventh gear stops the engine with a ValueError. A gear above `maxNumSeqs` is dropped, and the largest
    becomes `maxNumSeqs`, so with `maxNumSeqs: 1` no gear is left. DeepSeek-V2-236B-W8A8 should have at most four
    (manual, Step 3, graph mode).
    """
    graph = server.pta_graph
    if graph is None:
        return
    for problem in _gear_problems(server, graph.gears):
        yield error(
            f"graph has {problem}",
            why="the engine refuses or drops the gear when it compiles its graphs (manual, Step 3, graph mode)",
            fix=_gears_edit(server, graph.gears),
            marks=[
                at("graph.gears"),
                at("engine.maxNumSeqs", "requests in one iteration"),
            ],
        )


def _gear_problems(server: ModelServer, gears: Sequence[int]) -> Iterator[str]:
    most_requests = server.engine.max_num_seqs
    if not gears:
        yield f"no gear, because maxNumSeqs is {most_requests}"
        return
    if min(gears) < _SMALLEST_GEAR:
        yield f"a gear below {_SMALLEST_GEAR}"
    if len(gears) > most_gears(server.known, server.quantization):
        yield f"{len(gears)} gears, more than {most_gears(server.known, server.quantization)}"
    if len(set(gears)) < len(gears):
        yield "a gear twice"
    if max(gears) > most_requests:
        yield f"gear {max(gears)} above maxNumSeqs {most_requests}"


def _gears_edit(server: ModelServer, gears: Sequence[int]) -> str:
    """The edit that keeps the valid gears."""
    most_requests = server.engine.max_num_seqs
    valid = {gear for gear in gears if _SMALLEST_GEAR <= gear <= most_requests}
    kept = sorted(valid)[: most_gears(server.known, server.quantization)]
    if kept:
        return f"write graph.gears: {kept}, or remove graph.gears"
    if most_requests >= _SMALLEST_GEAR:
        return "remove graph.gears"
    return f"write engine.maxNumSeqs: {_SMALLEST_GEAR}, or write graph: eager"


@rule("error")
def warm_up_tls(server: ModelServer) -> Iterator[Finding]:
    """A server that accepts only TLS connections is not warmed up.

    The warm-up request is sent inside the pod without TLS. The server would refuse it, and the pod would never become
    ready.
    """
    if server.pta_graph and server.pta_graph.warm_up and server.tls:
        yield error(
            "graph.warmUp sends a request without TLS, but the server accepts only TLS",
            why="the warm-up request fails, so the pod never becomes ready (models/launch/scripts/warm_up.py)",
            fix="remove graph.warmUp, or terminate TLS outside of the pod",
            marks=[
                at("graph.warmUp"),
                at("server.extraArgs", "sslCertfile is set"),
            ],
        )


@rule("error")
def multimodal_server(server: ModelServer) -> Iterator[Finding]:
    """Images in requests require the OpenAI server.

    `/generate` of the plain server accepts a text prompt only (vllm/entrypoints/api_server.py:40).
    """
    if server.multimodal and server.server.kind != "openai":
        yield error(
            "multimodal requires the server openai",
            why="/generate of the plain server accepts no images (vllm/entrypoints/api_server.py:40)",
            fix="write server.kind: openai, or remove multimodal",
            marks=[
                at("multimodal", "images in requests"),
                at("server.kind", "text only"),
            ],
        )
