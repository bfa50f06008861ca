"""Features beside the model, the graph mode and the number of requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from models.engines.ascend_vllm.features import DraftModel, EagleHead
from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService


@rule("error")
def draft_is_model(service: ResolvedService) -> Iterator[Finding]:
    """The model that guesses is another one than the model that verifies.

    A draft as large as the model makes every token dearer; it is to be of the same series and far smaller (manual,
    Step 3, --speculative-model).
    """
    guess = service.speculative
    if isinstance(guess, DraftModel | EagleHead) and PurePosixPath(guess.source) == PurePosixPath(service.model.path):
        yield error(
            "the draft model is the model itself",
            why="a guess is only worth while when it is cheaper than the model (manual, Step 3)",
            fix="name a smaller model of the same series under speculative.source",
            marks=[at("speculative.source", "guesses"), at("model.source", "verifies")],
        )


@rule("error")
def lora_cann_graph(service: ResolvedService) -> Iterator[Finding]:
    """LoRA on one NPU needs graph mode off.

    On a single NPU CANN graphs are on by default for Llama and Qwen2, and do not support multi-LoRA (manual, Step 3,
    --enforce-eager).
    """
    graphs = service.facts is None or service.facts.model_type in ("llama", "qwen2")
    if service.lora and graphs and service.graph.kind == "cann" and service.engine.npus_used == 1:
        yield error(
            "LoRA on one NPU needs graph: eager",
            why="CANN graphs, the default on a single NPU, do not support multi-LoRA (manual, Step 3)",
            fix="write graph: eager",
            marks=[at("graph", "CANN graphs are on"), at("lora", "adapters")],
        )


@rule("error")
def served_names(service: ResolvedService) -> Iterator[Finding]:
    """Each name that the model is served by stands once.

    Requests choose by name, and a list says the same name twice only by mistake (manual, Step 3, --served-model-name).
    """
    names = service.engine.served_model_name
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield error(
            f"the model is served twice as {twice[0]!r}",
            why="requests choose by name (manual, Step 3, --served-model-name)",
            fix="remove one of the two, or give it the name that was meant",
            marks=[at("engine.servedModelName")],
        )


@rule("error")
def lora_names(service: ResolvedService) -> Iterator[Finding]:
    """An adapter has a name that requests can choose and vLLM can read.

    Of two models with one name the adapter could never be reached. vLLM reads `name=path`: there is no further `=` in
    it, and with a `,`, or `{` at the beginning, it would be taken for JSON (vllm/entrypoints/openai/cli_args.py:22).
    """
    own = service.engine.served_model_name or [service.model.path]
    for name, path in service.lora.adapters.items() if service.lora else ():
        if name in own or {*"=,"} & {*name, *path} or name.startswith(("-", "{")):
            yield error(
                f"{name!r} cannot name an adapter",
                why="requests choose by name, and vLLM reads name=path (vllm/entrypoints/openai/cli_args.py:22)",
                fix="rename the adapter, or its directory",
                marks=[at("lora.adapters", key=name), *([at("engine.servedModelName")] if name in own else [])],
            )


@rule("warning")
def prefix_caching_multimodal(service: ResolvedService) -> Iterator[Finding]:
    """Prefix caching does nothing for a multimodal model.

    vLLM 0.6.3 switches it off with a line in the log (vllm/engine/arg_utils.py:903).
    """
    if service.prefix_caching and (service.multimodal or (service.facts and service.facts.multimodal)):
        yield warning(
            "prefix caching does nothing for a multimodal model",
            why="vLLM 0.6.3 switches it off (vllm/engine/arg_utils.py:903)",
            fix="remove prefixCaching",
            marks=[
                at("prefixCaching", "prefixes are kept"),
                at("multimodal", "pictures in requests") if service.multimodal else at("model.name", "reads pictures"),
            ],
        )


@rule("error")
def graph_gears(service: ResolvedService) -> Iterator[Finding]:
    """The gears of PTA graphs are 2 or more, at most six, each once, none above `maxNumSeqs`.

    Gear 1 ends the engine with a ValueError, and so do more than six; a gear above `maxNumSeqs` is dropped, and the
    largest becomes `maxNumSeqs`, so that one request at a time leaves none. For DeepSeek-V2-236B-W8A8 at most four are
    advised (manual, Step 3, graph mode).
    """
    if service.pta_graph is None:
        return
    gears, most = service.pta_graph.gears, service.engine.max_num_seqs
    problems = {
        f"no gear, and maxNumSeqs is {most}": not gears,
        "a gear below 2": any(gear < 2 for gear in gears),
        f"{len(gears)} gears, more than {service.most_gears}": len(gears) > service.most_gears,
        "a gear twice": len(set(gears)) < len(gears),
        f"gear {max(gears, default=0)} above maxNumSeqs {most}": max(gears, default=0) > most,
    }
    for problem in (words for words, found in problems.items() if found):
        yield error(
            f"graph has {problem}",
            why="the engine refuses or drops it when it compiles its graphs (manual, Step 3, graph mode)",
            fix=f"give at most {service.most_gears} different gears from 2 to maxNumSeqs, or remove gears",
            marks=[at("graph.gears"), at("engine.maxNumSeqs", "requests in one iteration")],
        )


@rule("error")
def warm_up_tls(service: ResolvedService) -> Iterator[Finding]:
    """A server that takes encrypted connections only is not warmed up.

    The request that warms up is sent inside the pod without a certificate to trust; the pod would never become ready.
    """
    if service.pta_graph and service.pta_graph.warm_up and service.tls:
        yield error(
            "the request that warms up speaks plain HTTP, and the server takes none",
            why="the pod would never become ready",
            fix="remove graph.warmUp, or leave encryption to the cluster",
            marks=[at("graph.warmUp"), at("server.extraArgs", "sslCertfile is given")],
        )
