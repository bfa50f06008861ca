"""The rule on the quantization of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.code_places import code_places
from models.engines.vllm_ascend.records import PluginTable
from models.engines.vllm_ascend.tables import plugin_table
from models.finding import Finding, Mark, at, error, warning

_BY_NAME = {
    "awq": "awq",
    "bnb": "bitsandbytes",
    "fp8": "fp8",
    "gguf": "gguf",
    "gptq": "gptq",
    "mxfp4": "mxfp4",
    "nvfp4": "nvfp4",
}
"""The quantization of weights by the end of their name. W8A8 weights may have one of two."""

_READ_FROM_CONFIG = ("compressed-tensors", "fp8")
"""Methods whose settings vLLM reads from config.json. It cannot quantize other weights with them."""

LOADED_AS_BF16 = {"fp8": "minimax_m2"}
"""Models whose quantized weights the plugin loads as bf16, by method (vllm_ascend/patch/platform/
patch_minimax_m2_config.py)."""

_OWN_FACTS = ("model.configJson", "model.facts")
"""Keys of the stack file with values of config.json."""


@rule("error", "warning")
def quantized_weights(server: ModelServer) -> Iterator[Finding]:
    """The release loads weights of this quantization, and `quantization` names no other one.

    The plugin has no kernels for AWQ and GPTQ. vLLM reads the quantization of the weights from their config.json, and
    exits if `quantization` is another one, or if config.json has none for a method that needs its settings. The rule
    knows the quantization from `configJson`, from the name of the weights or from the catalogue. If only the catalogue
    names it and the service names another quantization, the rule warns: weights can be converted and keep their name.
    """
    plugin = plugin_table(server.release.version)
    if plugin is None:
        return
    actual = _quantization(server)
    if actual is None:
        yield from _missing_settings(server)
    elif not _is_loaded(server, plugin, actual):
        yield _not_loaded(server, actual)
    elif server.quantization not in (None, actual):
        yield _mismatch(server, actual)


def _quantization(server: ModelServer) -> str | None:
    """The quantization that config.json of the weights has."""
    if server.facts and server.facts.quantization:
        return server.facts.quantization
    if server.known is None or server.known.suffix is None:
        return None
    first = server.known.suffix.lower().partition("-")[0]
    return _BY_NAME.get(first)


def _is_loaded(server: ModelServer, plugin: PluginTable, actual: str) -> bool:
    if actual in plugin.quantization_methods:
        return True
    model_type = server.facts.model_type if server.facts else ""
    return model_type == LOADED_AS_BF16.get(actual)


def _not_loaded(server: ModelServer, actual: str) -> Finding:
    version = server.release.version
    place = code_places(version).quantization_unsupported
    is_published = server.quantization in (None, actual)
    severity = error if is_published else _severity(server)
    return severity(
        f"the weights of {server.model.name} are quantized with {actual}, which vllm-ascend {version} does not load",
        why=f"vLLM {version} exits at start ({place})",
        fix="use weights that are not quantized, and their config.json as model.configJson, or weights for"
        " quantization: ascend of msModelSlim",
        marks=[_weights(actual)],
    )


def _mismatch(server: ModelServer, actual: str) -> Finding:
    version = server.release.version
    place = code_places(version).quantization_mismatch
    return _severity(server)(
        f"quantization is {server.quantization}, but the weights of {server.model.name} are quantized with {actual}",
        why=f"vLLM {version} exits at start if config.json names another quantization ({place})",
        fix="remove quantization (the engine reads it from the weights)",
        marks=[at("quantization"), _weights(actual)],
    )


def _severity(server: ModelServer) -> Callable[..., Finding]:
    """An error if config.json or the name of the weights names the quantization.

    The published weights of a model may have been converted in place, so the catalogue alone is a doubt.
    """
    has_suffix = server.known is not None and server.known.suffix is not None
    if has_suffix or any(key.startswith(_OWN_FACTS) for key in server.configured):
        return error
    return warning


def _missing_settings(server: ModelServer) -> Iterator[Finding]:
    """An error if the service has the config.json. Else other weights than the published ones may have the name."""
    has_suffix = server.known is not None and server.known.suffix is not None
    if server.facts is None or has_suffix:
        return
    if server.quantization not in _READ_FROM_CONFIG:
        return
    version = server.release.version
    place = code_places(version).quantization_config
    severity = warning
    if "model.configJson" in server.configured and not server.further("hf-overrides"):
        severity = error
    yield severity(
        f"quantization is {server.quantization}, but the weights of {server.model.name} are not quantized",
        why=f"vLLM {version} does not quantize weights itself here: it exits at start without a quantization_config"
        f" in config.json ({place})",
        fix="remove quantization (the engine reads it from the weights)",
        marks=[at("quantization"), _weights("not quantized")],
    )


def _weights(note: str) -> Mark:
    return at("model.name", note)
