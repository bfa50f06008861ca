"""The model's own measures against the engine's arguments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from models.catalog.facts import ModelFacts
from models.catalog.known import find_model
from models.engines.ascend_vllm.features import DraftModel
from models.finding import Finding, at, error, warning
from models.rules.registry import facts_rule
from models.service.resolved import ResolvedService

_PREFIX_CACHING = ("llama", "qwen")
_LORA_VOCABULARY = 257024
_PADDING = 1024
_SUFFIXES = {"awq": "awq", "gptq": "gptq", "fp8": "fp8", "w8a8": "smoothquant", "w4a16": "awq"}


@facts_rule("error")
def tensor_parallel_split(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """Tensor parallel size divides the model's attention heads, KV heads, intermediate size and vocabulary.

    vLLM 0.6.3 refuses other sizes: heads when it reads the configuration (vllm/config.py:406), the rest when its
    workers build the layers (vllm/model_executor/models/qwen2.py:100). KV heads may also be copied, so that the size
    is a multiple of them; the vocabulary is filled up to a multiple of 64.
    """
    parts = service.engine.tensor_parallel_size
    if facts.splits(parts):
        return
    sizes = ", ".join(str(size) for size in range(1, service.npus + 1) if facts.splits(size))
    heads = f"{facts.num_attention_heads} heads, {facts.num_key_value_heads} KV heads"
    rest = f"intermediate size {facts.intermediate_size}, {facts.vocab_size} tokens in the vocabulary"
    yield error(
        f"{service.model.name} cannot be split over {parts} NPUs: {heads}, {rest}",
        why="each NPU takes an equal part of each (vllm/config.py:406)",
        fix=f"set engine.tensorParallelSize to one of {sizes}",
        marks=[at("engine.tensorParallelSize", f"{parts} parts"), at("model.name", heads)],
    )


@facts_rule("error")
def pipeline_parallel_model(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """Pipeline parallelism is for models whose layers the engine can divide into stages.

    vLLM 0.6.3 refuses ChatGLM and encoders (vllm/config.py:414).
    """
    stages = service.engine.pipeline_parallel_size
    if stages > 1 and facts.model_type in service.release.model_support.without_pipeline:
        yield error(
            f"the layers of {service.model.name} cannot be divided into stages",
            why=f"vLLM 0.6.3 has no pipeline parallelism for {facts.model_type} models (vllm/config.py:414)",
            fix="remove pipelineParallelSize, and raise tensorParallelSize",
            marks=[at("engine.pipelineParallelSize", f"{stages} stages"), at("model.name", facts.model_type)],
        )


@facts_rule("warning")
def unknown_architecture(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """The release of vLLM can load a model of this kind.

    vLLM 0.6.3 ends on a kind that is not in its registry (vllm/model_executor/models/registry.py); a build of
    Ascend-vLLM may know more.
    """
    release = service.release.version
    if facts.model_type not in service.release.model_support.architectures:
        yield warning(
            f"vLLM {release} does not know models of the kind {facts.model_type}",
            why="its registry has no such architecture (vllm/model_executor/models/registry.py)",
            fix="use a release of Ascend-vLLM that lists the model, or accept this when the image's build does",
            marks=[at("model.name", f"a {facts.model_type} model"), at("engine.version", f"vLLM {release}")],
        )


@facts_rule("error")
def lora_model(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """LoRA adapters are for models that take them.

    vLLM 0.6.3 refuses the others when it loads them (vllm/model_executor/model_loader/loader.py:129).
    """
    if service.lora and facts.model_type in service.release.model_support.without_lora:
        yield error(
            f"{service.model.name} takes no LoRA adapters",
            why=f"vLLM 0.6.3 has none for {facts.model_type} models (vllm/model_executor/model_loader/loader.py:129)",
            fix="remove lora",
            marks=[at("lora"), at("model.name", f"a {facts.model_type} model")],
        )


@facts_rule("warning")
def draft_vocabulary(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """The draft model has the vocabulary of the model.

    vLLM 0.6.3 asserts that both count as many tokens (vllm/spec_decode/spec_decode_worker.py:1008). Checkpoints of one
    series may be padded differently, as Qwen2-7B and Qwen2-0.5B are, which the manual pairs: that is let pass.
    """
    guess = service.speculative
    known = find_model(PurePosixPath(guess.source).name) if isinstance(guess, DraftModel) else None
    if known and known.facts and abs(known.facts.vocab_size - facts.vocab_size) > _PADDING:
        yield warning(
            f"the draft model counts {known.facts.vocab_size} tokens, the model {facts.vocab_size}",
            why="vLLM 0.6.3 asserts one vocabulary (vllm/spec_decode/spec_decode_worker.py:1008)",
            fix="take a draft of the same vocabulary, or accept this when the image's build takes both",
            marks=[
                at("speculative.source", f"{known.facts.vocab_size} tokens"),
                at("model.name", f"{facts.vocab_size} tokens"),
            ],
        )


@facts_rule("warning")
def remote_code_needed(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """`trustRemoteCode` is on for a model that comes with Python code.

    The transformers library of vLLM 0.6.3's time does not know these models without the code beside their weights, and
    loading their configuration or tokenizer ends the server (vllm/transformers_utils/config.py:134).
    """
    if facts.model_type in service.release.model_support.remote_code and not service.engine.trust_remote_code:
        yield warning(
            f"{service.model.name} comes with Python code that the engine may not run",
            why="its configuration or its tokenizer is not loaded without (vllm/transformers_utils/config.py:134)",
            fix="set trustRemoteCode: true when you trust the weights",
            marks=[at("engine.trustRemoteCode"), at("model.name", f"a {facts.model_type} model")],
        )


@facts_rule("error", "warning")
def length_above_model(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """`maxModelLen` is at most the length that the model was made for.

    vLLM 0.6.3 refuses more than config.json allows, rope scaling included, unless `VLLM_ALLOW_LONG_MAX_MODEL_LEN` is 1
    (vllm/config.py:1679; manual, Step 3, --max-model-len). For a few models Ascend-vLLM publishes a longer length: up
    to that it is a warning, and the launch exports the variable.
    """
    length, longest = service.engine.max_model_len, facts.longest
    if longest and facts.sliding_window and service.further("disable-sliding-window"):
        longest = min(longest, facts.sliding_window)
    allowed = service.env.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "").strip().lower() in ("1", "true")
    if longest is None or length <= longest or allowed:
        return
    yield (warning if length <= service.longest_published else error)(
        f"maxModelLen {length} is above the {longest} tokens of {service.model.name}",
        why="vLLM 0.6.3 refuses more than the model's config.json allows (vllm/config.py:1679)",
        fix=f"set maxModelLen to {longest} or less",
        marks=[at("engine.maxModelLen", "tokens of the longest request"), at("model.name", f"{longest} tokens")],
    )


@facts_rule("error")
def quantization_mismatch(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """`quantization` is that of the weights.

    vLLM 0.6.3 refuses another than config.json names under quantization_config (vllm/config.py:266).
    """
    suffix = (service.known.suffix or "").lower().partition("-")[0] if service.known else ""
    own = facts.quantization or _SUFFIXES.get(suffix)
    if own and service.quantization not in (None, own):
        yield error(
            f"the weights of {service.model.name} are quantized by {own}, not by {service.quantization}",
            why="vLLM 0.6.3 refuses a quantization that is not the checkpoint's (vllm/config.py:266)",
            fix="remove quantization; the engine reads it from the weights",
            marks=[at("quantization"), at("model.name", f"{own} weights")],
        )


@facts_rule("error")
def moe_graph_multi_step(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """A MoE model with PTA graphs runs one scheduler step at a time.

    Multi-step scheduling is not supported for MoE models in graph mode (manual, Step 3, graph mode).
    """
    if facts.moe and service.graph.kind == "pta" and service.engine.num_scheduler_steps > 1:
        yield error(
            "a MoE model with PTA graphs runs one scheduler step at a time",
            why="multi-step scheduling is not supported for MoE models in graph mode (manual, Step 3)",
            fix="remove numSchedulerSteps, or write graph: eager",
            marks=[at("engine.numSchedulerSteps", "more than one step"), at("graph", "PTA graphs")],
        )


@facts_rule("warning")
def mindspeed_without_moe(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """MindSpeed is for MoE models.

    Others do not use it, and each pod would wait for its download (manual, Step 3, MoE models).
    """
    if service.mind_speed.kind == "install" and not facts.moe:
        yield warning(
            f"{service.model.name} does not use MindSpeed",
            why="only MoE models depend on it (manual, Step 3)",
            fix="remove mindSpeed",
            marks=[at("mindSpeed", "fetched by each pod"), at("model.name", "no experts")],
        )


@facts_rule("warning")
def prefix_caching_family(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """Prefix caching is for models of the Llama and Qwen families.

    Ascend-vLLM supports it for no others (Ascend-vLLM 6.3.912, prefix caching).
    """
    if service.prefix_caching and not facts.multimodal and not facts.model_type.startswith(_PREFIX_CACHING):
        yield warning(
            f"prefix caching is not supported for {service.model.name}",
            why="Ascend-vLLM supports it for the Llama and Qwen families (6.3.912, prefix caching)",
            fix="remove prefixCaching",
            marks=[at("prefixCaching", "prefixes are kept"), at("model.name", f"a {facts.model_type} model")],
        )


@facts_rule("error")
def prefix_caching_sliding_window(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """Prefix caching and a sliding window exclude each other.

    vLLM 0.6.3 refuses the pair unless the window is switched off (vllm/config.py:645).
    """
    if service.prefix_caching and facts.sliding_window and not service.further("disable-sliding-window"):
        yield error(
            "prefix caching and a sliding window exclude each other",
            why="vLLM 0.6.3 refuses the pair at start (vllm/config.py:645)",
            fix="remove prefixCaching, or set disableSlidingWindow: true under engine.extraArgs",
            marks=[at("prefixCaching"), at("model.name", f"a window of {facts.sliding_window} tokens")],
        )


@facts_rule("error", "warning")
def multimodal_model(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """`multimodal` is for models that read pictures.

    For others vLLM 0.6.3 refuses `imagesPerPrompt` (vllm/config.py:216), and the rest does nothing.
    """
    if service.multimodal and not facts.multimodal:
        refused = service.multimodal.images_per_prompt is not None
        yield (error if refused else warning)(
            f"{service.model.name} reads no pictures",
            why="vLLM 0.6.3 refuses imagesPerPrompt for it, and the rest does nothing (vllm/config.py:216)",
            fix="remove multimodal, or correct model.name",
            marks=[at("multimodal", "pictures in requests"), at("model.name", "a model of text")],
        )


@facts_rule("warning")
def chat_template_missing(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """A LLaVA model has a chat template.

    Its weights bring none, and without one every chat request fails (manual, Step 3, way 1, part 2, --chat-template).
    """
    if facts.model_type == "llava" and service.server.kind == "openai" and not service.server.chat_template:
        yield warning(
            f"{service.model.name} has no chat template",
            why="its weights bring none, and chat requests fail without (manual, Step 3)",
            fix="set server.chatTemplate, such as vLLM's examples/template_llava.jinja in the image",
            marks=[at("server.chatTemplate"), at("model.name", "a LLaVA model")],
        )


@facts_rule("error")
def lora_vocabulary(service: ResolvedService, facts: ModelFacts) -> Iterator[Finding]:
    """LoRA is for models of at most 257,024 tokens in the vocabulary.

    vLLM 0.6.3 refuses more when it builds the layers (vllm/lora/layers.py:1084).
    """
    if service.lora and facts.vocab_size > _LORA_VOCABULARY:
        yield error(
            f"the vocabulary of {service.model.name} is too large for LoRA",
            why=f"vLLM 0.6.3 refuses more than {_LORA_VOCABULARY} tokens (vllm/lora/layers.py:1084)",
            fix="remove lora",
            marks=[at("lora"), at("model.name", f"{facts.vocab_size} tokens")],
        )
