"""Rules on the architecture of the model: how it is split, and which features it supports."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.facts import ModelFacts
from models.engines.drafts import draft_edit, draft_facts
from models.engines.edits import tensor_parallel_edit
from models.engines.model_server import ModelServer
from models.engines.rules import facts_rule
from models.finding import Finding, at, error, warning

_SUFFIXES = {
    "awq": "awq",
    "gptq": "gptq",
    "fp8": "fp8",
    "w8a8": "smoothquant",
    "w4a16": "awq",
}
"""The quantization of weights by the end of their name."""


@facts_rule("error")
def tensor_parallel_split(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """Tensor parallel size divides the attention heads, KV heads, intermediate size and vocabulary of the model.

    vLLM 0.6.3 exits at other sizes: for heads when it reads the configuration (vllm/config.py:406), for the rest when
    its workers build the layers (vllm/model_executor/models/qwen2.py:100). The size may also be a multiple of the KV
    heads, which are copied then. The vocabulary is padded to a multiple of 64.
    """
    parts = server.engine.tensor_parallel_size
    if facts.splits(parts):
        return
    most = max(server.npus, parts)
    sizes = [size for size in range(1, most + 1) if facts.splits(size)]
    largest = max(size for size in sizes if size < parts)
    heads = f"{facts.num_attention_heads} heads, {facts.num_key_value_heads} KV heads"
    rest = f"intermediate size {facts.intermediate_size}, {facts.vocab_size} tokens in the vocabulary"
    yield error(
        f"{server.model.name} cannot be split over {parts} NPUs: {heads}, {rest}",
        why=f"each NPU gets an equal part, so vLLM 0.6.3 exits (vllm/config.py:406); {_in_words(sizes)} are possible",
        fix=tensor_parallel_edit(server, largest),
        marks=[
            at("engine.tensorParallelSize", f"{parts} parts"),
            at("model.name", heads),
        ],
    )


def _in_words(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))


@facts_rule("error")
def pipeline_parallel_model(
    server: ModelServer, facts: ModelFacts
) -> Iterator[Finding]:
    """Pipeline parallelism is used for models whose layers the engine can divide into stages.

    vLLM 0.6.3 exits at start with ChatGLM models and encoders (vllm/config.py:414).
    """
    stages = server.engine.pipeline_parallel_size
    if (
        stages == 1
        or facts.model_type not in server.release.model_support.without_pipeline
    ):
        return
    parts = server.engine.tensor_parallel_size * stages
    fix = "remove engine.pipelineParallelSize"
    if facts.splits(parts):
        fix += f" and write engine.tensorParallelSize: {parts}"
    yield error(
        f"the layers of {server.model.name} cannot be divided into stages",
        why=f"vLLM 0.6.3 has no pipeline parallelism for {facts.model_type} models and exits (vllm/config.py:414)",
        fix=fix,
        marks=[
            at("engine.pipelineParallelSize", f"{stages} stages"),
            at("model.name", facts.model_type),
        ],
    )


@facts_rule("warning")
def unknown_architecture(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """The release of vLLM can load models of this type.

    vLLM 0.6.3 exits if its registry does not have the type (vllm/model_executor/models/registry.py). A build of
    Ascend-vLLM can have more types.
    """
    release = server.release.version
    if facts.model_type in server.release.model_support.architectures:
        return
    reason = f"the image can load {facts.model_type} models"
    yield warning(
        f"vLLM {release} does not have the model type {facts.model_type}",
        why=f"vLLM {release} exits at an unknown type (vllm/model_executor/models/registry.py)",
        fix=f'write accept.unknown-architecture: "{reason}", if this is true, or choose another model',
        marks=[
            at("model.name", f"a {facts.model_type} model"),
            at("engine.version", f"vLLM {release}"),
        ],
    )


@facts_rule("error")
def lora_model(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """LoRA adapters are used for models that support them.

    vLLM 0.6.3 exits when it loads other models (vllm/model_executor/model_loader/loader.py:129).
    """
    if server.lora and facts.model_type in server.release.model_support.without_lora:
        yield error(
            f"{server.model.name} does not support LoRA adapters",
            why=f"vLLM 0.6.3 exits: {facts.model_type} has no LoRA layers"
            " (vllm/model_executor/model_loader/loader.py:129)",
            fix="remove lora",
            marks=[
                at("lora"),
                at("model.name", f"a {facts.model_type} model"),
            ],
        )


@facts_rule("error")
def lora_vocabulary(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """LoRA is used for models with at most 257,024 tokens in the vocabulary.

    vLLM 0.6.3 exits when it builds the layers of a larger one (vllm/lora/layers.py:1084).
    """
    most = 257024
    if server.lora and facts.vocab_size > most:
        yield error(
            f"the vocabulary of {server.model.name} is too large for LoRA: {facts.vocab_size} tokens",
            why=f"vLLM 0.6.3 exits with more than {most} tokens (vllm/lora/layers.py:1084)",
            fix="remove lora",
            marks=[
                at("lora"),
                at("model.name", f"{facts.vocab_size} tokens"),
            ],
        )


@facts_rule("error")
def draft_vocabulary(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """The draft model has as many tokens in its vocabulary as the model.

    vLLM 0.6.3 asserts that the numbers are equal (vllm/spec_decode/spec_decode_worker.py:319). Models of one series can
    be padded differently: Qwen2-7B and Qwen2-72B have 152,064 tokens, the smaller models 151,936. The rule runs if the
    catalogue has the draft model.
    """
    draft = draft_facts(server)
    if draft is None or draft.vocab_size == facts.vocab_size:
        return
    yield error(
        f"the draft model has {draft.vocab_size} tokens in its vocabulary, but the model has {facts.vocab_size}",
        why="vLLM 0.6.3 exits if the numbers differ (vllm/spec_decode/spec_decode_worker.py:319)",
        fix=draft_edit(server),
        marks=[
            at("speculative.source", f"{draft.vocab_size} tokens"),
            at("model.name", f"{facts.vocab_size} tokens"),
        ],
    )


@facts_rule("warning")
def remote_code_needed(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """`trustRemoteCode` is on for a model that contains Python code.

    The transformers library of vLLM 0.6.3 cannot load the configuration or the tokenizer of these models without the
    code in the directory of the weights. The server exits (vllm/transformers_utils/config.py:134).
    """
    if (
        server.engine.trust_remote_code
        or facts.model_type not in server.release.model_support.remote_code
    ):
        return
    yield warning(
        f"{server.model.name} contains Python code, but engine.trustRemoteCode is off",
        why="the server exits, because it cannot load the configuration or the tokenizer"
        " (vllm/transformers_utils/config.py:134)",
        fix="write engine.trustRemoteCode: true, if you trust the code in the directory of the weights",
        marks=[
            at("engine.trustRemoteCode"),
            at("model.name", f"a {facts.model_type} model"),
        ],
    )


@facts_rule("error")
def quantization_mismatch(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """`quantization` is the quantization of the weights.

    vLLM 0.6.3 exits at start if config.json names another one under quantization_config (vllm/config.py:266).
    """
    actual = facts.quantization or _quantization_by_name(server)
    if actual is None or server.quantization in (None, actual):
        return
    yield error(
        f"quantization is {server.quantization}, but the weights of {server.model.name} are quantized with {actual}",
        why="vLLM 0.6.3 exits at start if config.json names another quantization (vllm/config.py:266)",
        fix="remove quantization (the engine reads it from the weights)",
        marks=[
            at("quantization"),
            at("model.name", f"{actual} weights"),
        ],
    )


def _quantization_by_name(server: ModelServer) -> str | None:
    if server.known is None or server.known.suffix is None:
        return None
    first = server.known.suffix.lower().partition("-")[0]
    return _SUFFIXES.get(first)


@facts_rule("error")
def moe_graph_multi_step(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """A MoE model with PTA graphs does not use multi-step scheduling.

    Multi-step scheduling is not supported for MoE models in graph mode (manual, Step 3, graph mode).
    """
    if (
        facts.moe
        and server.graph.kind == "pta"
        and server.engine.num_scheduler_steps > 1
    ):
        yield error(
            "a MoE model with PTA graphs and multi-step scheduling exclude each other",
            why="Ascend-vLLM does not support multi-step scheduling for MoE models in graph mode (manual, Step 3)",
            fix="remove engine.numSchedulerSteps, or write graph: eager",
            marks=[
                at("engine.numSchedulerSteps", "more than one step"),
                at("graph", "PTA graphs"),
            ],
        )


@facts_rule("warning")
def mindspeed_without_moe(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """MindSpeed is installed for MoE models only.

    Other models do not use it, and each pod would wait for the download (manual, Step 3, MoE models).
    """
    if server.mind_speed.kind == "install" and not facts.moe:
        yield warning(
            f"{server.model.name} does not use MindSpeed",
            why="only MoE models use it, so each pod waits for a useless download (manual, Step 3, MoE models)",
            fix="remove mindSpeed",
            marks=[
                at("mindSpeed", "downloaded by each pod"),
                at("model.name", "no experts"),
            ],
        )


@facts_rule("warning")
def prefix_caching_family(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """Prefix caching is used for models of the Llama and Qwen families.

    Ascend-vLLM does not support it for other models (Ascend-vLLM 6.3.912, prefix caching).
    """
    is_supported = facts.multimodal or facts.model_type.startswith(("llama", "qwen"))
    if server.prefix_caching and not is_supported:
        yield warning(
            f"Ascend-vLLM does not support prefix caching for {server.model.name}",
            why="it is supported for the Llama and Qwen families only (Ascend-vLLM 6.3.912, prefix caching)",
            fix="remove prefixCaching",
            marks=[
                at("prefixCaching"),
                at("model.name", f"a {facts.model_type} model"),
            ],
        )


@facts_rule("error", "warning")
def multimodal_model(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """`multimodal` is set for multimodal models only.

    vLLM 0.6.3 exits at `imagesPerPrompt` for another model (vllm/config.py:216). The other keys have no effect.
    """
    if server.multimodal is None or facts.multimodal:
        return
    severity = warning
    why = "the settings have no effect on a model without image input (manual, Step 3, way 1, part 2)"
    if server.multimodal.images_per_prompt is not None:
        severity = error
        why = "vLLM 0.6.3 exits at imagesPerPrompt for a model without image input (vllm/config.py:216)"
    yield severity(
        f"{server.model.name} is not a multimodal model",
        why=why,
        fix="remove multimodal, or correct model.name",
        marks=[
            at("multimodal", "images in requests"),
            at("model.name", "text only"),
        ],
    )


@facts_rule("warning")
def chat_template_missing(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """A LLaVA model has a chat template.

    Its weights contain none, and every chat request fails without one (manual, Step 3, way 1, part 2, --chat-template).
    """
    if (
        facts.model_type == "llava"
        and server.server.kind == "openai"
        and not server.server.chat_template
    ):
        yield warning(
            f"{server.model.name} has no chat template",
            why="its weights contain none, so every chat request fails (manual, Step 3, way 1, part 2)",
            fix="write server.chatTemplate: /opt/vllm/examples/template_llava.jinja, with the directory of your image",
            marks=[
                at("server.chatTemplate"),
                at("model.name", "a LLaVA model"),
            ],
        )
