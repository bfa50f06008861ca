"""The rule on the parser that separates the reasoning of a model from its answer."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.finding import Finding, at, warning

_FAMILIES = {
    "cohere": ("cohere",),
    "deepseek_v4": ("deepseek_v4",),
    "ernie": ("ernie",),
    "gemma": ("gemma",),
    "glm": ("glm", "chatglm"),
    "granite": ("granite",),
    "hunyuan": ("hunyuan",),
    "kimi": ("kimi",),
    "minimax": ("minimax",),
    "mistral": ("mistral", "mixtral", "pixtral"),
    "nemotron": ("nemotron",),
    "olmo": ("olmo",),
    "openai_gptoss": ("gpt_oss",),
    "qwen": ("qwen",),
    "seed_oss": ("seed_oss",),
    "step3": ("step3",),
}
"""Parsers of one family of models, by the beginning of their name, and how the types of these models begin.

`deepseek_r1` and `deepseek_v3` are not here: other models with `<think>` use them too.
"""

_OWN_PARSERS = {
    "glm4_moe": "glm45",
    "gpt_oss": "openai_gptoss",
    "kimi_k2": "kimi_k2",
    "minimax_m2": "minimax_m2",
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3",
}
"""The parser of model types that have one in every release (vllm/reasoning/__init__.py)."""


@rule("warning")
def parser_of_other_model(server: ModelServer) -> Iterator[Finding]:
    """`server.reasoningParser` belongs to the family of the model.

    A parser looks for the tokens with which its models begin and end their reasoning. vLLM exits at start if the
    tokenizer does not have them (vllm/reasoning/basic_parsers.py). Otherwise the reasoning may end up in the answer.
    The rule runs if the architecture of the model is known.
    """
    parser = server.server.reasoning_parser
    facts = server.facts
    if parser is None or facts is None:
        return
    families = [types for name, types in _FAMILIES.items() if parser.startswith(name)]
    if not families or facts.model_type.startswith(families[0]):
        return
    fix = "remove server.reasoningParser"
    right_parser = _OWN_PARSERS.get(facts.model_type)
    if right_parser:
        fix = f"write server.reasoningParser: {right_parser}"
    yield warning(
        f"the reasoning parser {parser} does not belong to {server.model.name}, whose type is {facts.model_type}",
        why=f"vLLM {server.release.version} exits at start if the tokenizer lacks the tokens of the parser,"
        " otherwise the reasoning may end up in the answer (vllm/reasoning/basic_parsers.py)",
        fix=fix,
        marks=[
            at("server.reasoningParser"),
            at("model.name", f"its type is {facts.model_type}"),
        ],
    )
