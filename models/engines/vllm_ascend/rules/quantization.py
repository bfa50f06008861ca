"""The rule on weights whose quantization the plugin does not support, and the method of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.facts import ModelFacts
from models.engines.model_server import ModelServer
from models.engines.rules import facts_rule
from models.engines.vllm_ascend.tables import plugin_table
from models.finding import Finding, at, error

_METHODS_IN_NAMES = {"awq": "awq", "gptq": "gptq", "fp8": "fp8"}
"""Methods by the first word of a quantization in a checkpoint's name."""


@facts_rule("error")
def weights_quantization(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """The plugin supports the quantization of the weights.

    vLLM reads the method from the model's config.json. The platform of vllm-ascend refuses methods that it does not
    list, such as awq and gptq, when the configuration of the engine is created (vllm/platforms/interface.py). The rule
    runs if the stack file does not name a method, and if the plugin of the release is known.
    """
    plugin = plugin_table(server.release.version)
    method = method_of_weights(server, facts)
    if plugin is None or method is None or server.quantization:
        return
    if method in plugin.quantization_methods:
        return
    release = server.release.version
    yield error(
        f"the weights of {server.model.name} are quantized with {method}, which vllm-ascend {release} does not support",
        why=f"it supports {', '.join(plugin.quantization_methods)}, and exits at start with others"
        f" ({plugin.refusals['quantization-method'].where})",
        fix="choose weights without quantization, or weights that msModelSlim has quantized, with quantization: ascend",
        marks=[at("model.name", f"{method} weights")],
    )


def method_of_weights(server: ModelServer, facts: ModelFacts) -> str | None:
    """The method in the config.json of the weights, by the facts or by their name; None if it is not known."""
    if facts.quantization:
        return facts.quantization
    if server.known is None or server.known.suffix is None:
        return None
    first = server.known.suffix.lower().partition("-")[0]
    return _METHODS_IN_NAMES.get(first)
