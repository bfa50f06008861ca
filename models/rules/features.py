"""Rules on optional features: speculative decoding, LoRA, served names, graph mode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from models.engines.ascend_vllm.features import DraftModel, EagleHead
from models.finding import Finding, at, error, warning
from models.rules.drafts import draft_edit
from models.rules.edits import as_yaml
from models.rules.registry import rule
from models.service.resolved import ResolvedService

_SMALLEST_GEAR = 2
_CANN_GRAPH_MODELS = ("llama", "qwen2")


@rule("error")
def draft_is_model(service: ResolvedService) -> Iterator[Finding]:
    """The draft model is another model than the one that verifies.

    A draft as large as the model makes every token more expensive. Use a much smaller model of the same series (manual,
    Step 3, --speculative-model).
    """
    speculative = service.speculative
    if not isinstance(speculative, DraftModel | EagleHead):
        return
    if PurePosixPath(speculative.source) == PurePosixPath(service.model.path):
        yield error(
            "the draft model is the model itself",
            why="a draft that is not smaller makes every token more expensive (manual, Step 3, --speculative-model)",
            fix=draft_edit(service),
            marks=[at("speculative.source", "drafts"), at("model.source", "verifies")],
        )


@rule("error")
def lora_cann_graph(service: ResolvedService) -> Iterator[Finding]:
    """LoRA on one NPU requires `graph: eager`.

    On a single NPU, CANN graphs are on by default for Llama and Qwen2. They do not support several LoRA adapters
    (manual, Step 3, --enforce-eager).
    """
    has_graphs = service.facts is None or service.facts.model_type in _CANN_GRAPH_MODELS
    if service.lora and has_graphs and service.graph.kind == "cann" and service.engine.npus_used == 1:
        yield error(
            "LoRA on one NPU requires graph: eager",
            why="CANN graphs, the default on one NPU, do not support LoRA adapters (manual, Step 3, --enforce-eager)",
            fix="write graph: eager",
            marks=[at("graph", "CANN graphs are on"), at("lora", "adapters")],
        )


@rule("error")
def served_names(service: ResolvedService) -> Iterator[Finding]:
    """`servedModelName` contains each name once.

    Requests select the model by name, so the second one has no effect (manual, Step 3, --served-model-name).
    """
    names = service.engine.served_model_name
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


@rule("error")
def lora_names(service: ResolvedService) -> Iterator[Finding]:
    """An adapter has a name that requests can select and that vLLM can parse.

    An adapter with the name of the model could never be selected. vLLM parses `name=path`: a further `=` is not
    allowed, and a `,` or a `{` at the beginning would be parsed as JSON (vllm/entrypoints/openai/cli_args.py:22).
    """
    if service.lora is None:
        return
    served = service.engine.served_model_name or [service.model.path]
    for name, path in service.lora.adapters.items():
        mark = at("lora.adapters", key=name)
        if name in served:
            yield error(
                f"the adapter {name!r} has the name of the model",
                why="requests select by name, so the adapter cannot be reached (manual, Step 3, --served-model-name)",
                fix=f"rename lora.adapters.{name} to {name}-lora",
                marks=[mark, at("engine.servedModelName")],
            )
        elif not _is_parsed(name) or name.startswith(("-", "{")):
            yield error(
                f"vLLM cannot parse the adapter name {name!r}",
                why="vLLM splits name=path, and exits at start (vllm/entrypoints/openai/cli_args.py:22)",
                fix=f"rename lora.adapters.{name} to {_plain(name)}",
                marks=[mark],
            )
        elif not _is_parsed(path):
            yield error(
                f"vLLM cannot parse the path {path} of the adapter {name!r}",
                why="vLLM splits name=path, and exits at start (vllm/entrypoints/openai/cli_args.py:22)",
                fix=f"write lora.adapters.{name}: {path.replace('=', '-').replace(',', '-')}, and rename the directory",
                marks=[mark],
            )


def _is_parsed(text: str) -> bool:
    return "=" not in text and "," not in text


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "lora"


@rule("warning")
def prefix_caching_multimodal(service: ResolvedService) -> Iterator[Finding]:
    """Prefix caching has no effect for a multimodal model.

    vLLM 0.6.3 disables it and logs a line (vllm/engine/arg_utils.py:903).
    """
    if not service.prefix_caching:
        return
    if service.multimodal:
        reason = at("multimodal", "images in requests")
    elif service.facts and service.facts.multimodal:
        reason = at("model.name", "a multimodal model")
    else:
        return
    yield warning(
        "prefix caching has no effect for a multimodal model",
        why="vLLM 0.6.3 disables it (vllm/engine/arg_utils.py:903)",
        fix="remove prefixCaching",
        marks=[at("prefixCaching"), reason],
    )


@rule("error")
def graph_gears(service: ResolvedService) -> Iterator[Finding]:
    """PTA graphs have at most six different gears, from 2 to `maxNumSeqs`.

    Gear 1 or a seventh gear stops the engine with a ValueError. A gear above `maxNumSeqs` is dropped, and the largest
    becomes `maxNumSeqs`, so with `maxNumSeqs: 1` no gear is left. DeepSeek-V2-236B-W8A8 should have at most four
    (manual, Step 3, graph mode).
    """
    graph = service.pta_graph
    if graph is None:
        return
    for problem in _gear_problems(service, graph.gears):
        yield error(
            f"graph has {problem}",
            why="the engine refuses or drops the gear when it compiles its graphs (manual, Step 3, graph mode)",
            fix=_gears_edit(service, graph.gears),
            marks=[at("graph.gears"), at("engine.maxNumSeqs", "requests in one iteration")],
        )


def _gear_problems(service: ResolvedService, gears: Sequence[int]) -> Iterator[str]:
    most_requests = service.engine.max_num_seqs
    if not gears:
        yield f"no gear, because maxNumSeqs is {most_requests}"
        return
    if min(gears) < _SMALLEST_GEAR:
        yield f"a gear below {_SMALLEST_GEAR}"
    if len(gears) > service.most_gears:
        yield f"{len(gears)} gears, more than {service.most_gears}"
    if len(set(gears)) < len(gears):
        yield "a gear twice"
    if max(gears) > most_requests:
        yield f"gear {max(gears)} above maxNumSeqs {most_requests}"


def _gears_edit(service: ResolvedService, gears: Sequence[int]) -> str:
    """The edit that keeps the valid gears."""
    most_requests = service.engine.max_num_seqs
    valid = {gear for gear in gears if _SMALLEST_GEAR <= gear <= most_requests}
    kept = sorted(valid)[: service.most_gears]
    if kept:
        return f"write graph.gears: {kept}, or remove graph.gears"
    if most_requests >= _SMALLEST_GEAR:
        return "remove graph.gears"
    return f"write engine.maxNumSeqs: {_SMALLEST_GEAR}, or write graph: eager"


@rule("error")
def warm_up_tls(service: ResolvedService) -> Iterator[Finding]:
    """A server that accepts only TLS connections is not warmed up.

    The warm-up request is sent inside the pod without TLS. The server would refuse it, and the pod would never become
    ready.
    """
    if service.pta_graph and service.pta_graph.warm_up and service.tls:
        yield error(
            "graph.warmUp sends a request without TLS, but the server accepts only TLS",
            why="the warm-up request fails, so the pod never becomes ready (models/launch/scripts/warm_up.py)",
            fix="remove graph.warmUp, or terminate TLS outside of the pod",
            marks=[at("graph.warmUp"), at("server.extraArgs", "sslCertfile is set")],
        )
