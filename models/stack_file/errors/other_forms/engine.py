"""The features of the engine in the form of vLLM's flags, or as one word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic.alias_generators import to_camel

from models.catalog.known import find_model
from models.engines.features import GraphMode, Quantization, Speculative
from models.engines.flags import plain_name
from models.engines.releases import is_plugin_release
from models.stack_file.errors.mapping_readings import mapping_readings
from models.stack_file.errors.other_forms.service_release import release_of_value
from models.stack_file.errors.other_forms.words import (
    OFF,
    Edits,
    Service,
    completed,
    in_models,
    last_part,
    numbers,
    renamed,
    word,
)
from models.stack_file.errors.place import fields_of
from models.tagged_union import kind_of

_MODES = {plain_name(mode): mode for mode in get_args(GraphMode)}
_EAGER = (*OFF, "eager", "eagermode", "enforceeager")
_GRAPHS_ON = ("true", "on", "yes", "enabled", "auto", "default", "torchair", "cann")
_GRAPH_KEYS = {
    "sizes": "captureSizes",
    "batchsizes": "captureSizes",
    "capturesizes": "captureSizes",
    "cudagraphcapturesizes": "captureSizes",
    "cudagraphmode": "mode",
    "graphmode": "mode",
    "type": "kind",
    "enforceeager": "eager",
}
_SPECULATIVE_KEYS = {
    "method": "kind",
    "type": "kind",
    "name": "kind",
    "model": "source",
    "path": "source",
    "modelpath": "source",
    "draftmodel": "source",
    "speculativemodel": "source",
    "numspeculativetokens": "tokens",
    "numtokens": "tokens",
    "k": "tokens",
    "promptlookupmax": "promptLookupMax",
    "promptlookupmin": "promptLookupMin",
}
_SPECULATIVE_RECORDS = {
    kind_of(record): record for record in get_args(get_args(Speculative)[0])
}
_SPECULATIVE_FIELDS = frozenset(
    key for record in _SPECULATIVE_RECORDS.values() for key in fields_of(record)
)
_NO_FIELDS_OF_VLLM = _SPECULATIVE_FIELDS | {"enabled"}
_SPECULATIVE_WORDS = {
    "draftmodel": "draft",
    "suffixdecoding": "suffix",
    "eagle2": "eagle",
}
_NAMED_METHODS = ("eagle3", "eagle", "medusa", "dflash")
"""Methods that the name of the weights shows, the more special one first."""
_QUANTIZED_INTEGERS = ("w8a8", "w4a8", "w4a4", "w8a16", "w4a16", "int8", "int4")
_OF_THE_PLUGIN = ("modelslim", "msmodelslim", "ascend", "w8a8dynamic")
_KINDS_OF_ITEMS = {"image", "video", "audio"}
_LORA_KEYS = {
    "modules": "adapters",
    "loramodules": "adapters",
    "maxlorarank": "maxRank",
    "maxrank": "maxRank",
    "maxloras": "maxLoras",
}
_METHOD_KEYS = ("method", "kind", "quantMethod", "quant_method", "type", "name")


def graph(value: Any, _service: Service) -> Edits | None:
    """The graph mode of a word such as `FULL_DECODE_ONLY`, or of vLLM's keys."""
    if not isinstance(value, dict):
        sizes = numbers(value)
        if isinstance(value, list | int) and not isinstance(value, bool):
            return {"graph": {"captureSizes": sizes}}
        return _graph_of_word(word(value))
    values = renamed(value, _GRAPH_KEYS)
    if values.get("eager") is True or values.get("enabled") is False:
        return {"graph": "eager"}
    values.pop("eager", None)
    values.pop("enabled", None)
    if "kind" not in values and word(values.get("mode")) == "eager":
        return {"graph": "eager"}
    kind = word(values.get("kind"))
    if kind in _MODES:
        values = {"mode": _MODES[kind], **values}
    if kind in _MODES or kind in _GRAPHS_ON or kind.endswith("graph"):
        del values["kind"]
    if "captureSizes" in values:
        values["captureSizes"] = numbers(values["captureSizes"])
    mode = word(values.get("mode"))
    if mode in _MODES:
        values["mode"] = _MODES[mode]
    return {"graph": values or "cann"}


def capture_sizes(value: Any, service: Service) -> Edits | None:
    """The graphs for `cudagraph_capture_sizes`, with or without commas."""
    if isinstance(value, str):
        value = ",".join(value.replace(",", " ").split())
    return graph({"captureSizes": value}, service)


def _graph_of_word(name: str) -> Edits | None:
    if name in _EAGER:
        return {"graph": "eager"}
    if name in _MODES:
        return {"graph": {"mode": _MODES[name]}}
    if name in _GRAPHS_ON or name.endswith("graph"):
        return {"graph": "cann"}
    return None


def speculative(value: Any, _service: Service) -> Edits | None:
    """Speculative decoding for its kind as a word, or for the fields of `--speculative-config`."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        value = next(mapping_readings(value), {"method": value})
    if not isinstance(value, dict):
        return {} if word(value) in OFF else None
    if value.get("enabled") is False or word(value.get("method")) in OFF:
        return {}
    values = renamed(value, _SPECULATIVE_KEYS)
    kind = _speculative_kind(values)
    record = _SPECULATIVE_RECORDS.get(kind)
    is_own_form = values == value and value.get("kind") == kind
    if record is None or (is_own_form and values.keys() <= _SPECULATIVE_FIELDS):
        return None
    if isinstance(values.get("source"), str):
        values["source"] = in_models(values["source"])
    form = {key: part for key, part in values.items() if key in _SPECULATIVE_FIELDS}
    further = {to_camel(key): values[key] for key in values.keys() - _NO_FIELDS_OF_VLLM}
    if further:
        form["config"] = {**further, **form.get("config", {})}
    form["kind"] = kind
    return {"speculative": completed(record, form)}


def _speculative_kind(values: Mapping[str, Any]) -> str:
    """The kind of speculative decoding; empty if the keys do not show it."""
    named = word(values.get("kind"))
    named = _SPECULATIVE_WORDS.get(named, named)
    if named.endswith("mtp"):
        return "mtp"
    if named:
        return named
    if "promptLookupMax" in values:
        return "ngram"
    source = word(values.get("source"))
    for method in _NAMED_METHODS:
        if method in source:
            return method
    return "draft" if source else ""


def quantization(value: Any, service: Service) -> Edits | None:
    """The method of quantization for a form of numbers such as `W8A8`, or for a mapping with the method."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        found = [value[key] for key in _METHOD_KEYS if key in value]
        value = found[0] if found else None
    name = word(value)
    if name in OFF or name.isdigit():
        return {}
    engine = release_of_value(service)
    methods = {plain_name(method): method for method in get_args(Quantization)}
    for other in _OF_THE_PLUGIN:
        methods[other] = "ascend"
    for integers in _QUANTIZED_INTEGERS:
        methods[integers] = "ascend" if is_plugin_release(engine) else "smoothquant"
    method = methods.get(name)
    if method is None:
        return None
    reads_a_file = bool(engine.quantized_weights.get(method))
    if reads_a_file and not _may_be_quantized(service):
        return {}
    return {"quantization": method}


def _may_be_quantized(service: Service) -> bool:
    """Whether the weights are not those of a known model under the name that it has without quantization."""
    model = service.get("model")
    if isinstance(model, dict):
        model = model.get("name") or model.get("source")
    if not isinstance(model, str):
        return True
    known = find_model(last_part(model))
    return known is None or known.facts is None or bool(known.suffix)


def lora(value: Any, _service: Service) -> Edits | None:
    """LoRA adapters as a list of paths, or as vLLM's `--lora-modules`."""
    if isinstance(value, bool):
        return {}
    if not isinstance(value, dict):
        adapters = _adapters(value)
        return {"lora": {"adapters": adapters}} if adapters else None
    if value.get("enabled") is False:
        return {}
    if value.keys() == {"name", "path"}:
        return {"lora": {"adapters": _adapters(value)}}
    values = renamed(value, _LORA_KEYS)
    if values and all(_is_path(path) for path in values.values()):
        return {"lora": {"adapters": values}}
    if isinstance(values.get("adapters"), list | str):
        values["adapters"] = _adapters(values["adapters"])
    return {"lora": values}


def _adapters(value: Any) -> dict[str, str]:
    """The paths of adapters by name, for one path, for a list of paths, and for `name=path`."""
    items = value if isinstance(value, list) else [value]
    adapters: dict[str, str] = {}
    for item in items:
        if isinstance(item, dict) and {"name", "path"} <= item.keys():
            adapters[str(item["name"])] = str(item["path"])
        elif isinstance(item, str):
            name, equals, path = item.partition("=")
            if not equals:
                name, path = last_part(item), item
            adapters[name] = path
    return adapters


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")


def multimodal(value: Any, _service: Service) -> Edits | None:
    """The limits of pictures in the form of `--limit-mm-per-prompt`."""
    if isinstance(value, str):
        value = next(mapping_readings(value), None) or _pairs(value)
    if not isinstance(value, dict):
        return None
    if value.get("enabled") is False:
        return {}
    limits = value if value.keys() <= _KINDS_OF_ITEMS else None
    for key in ("limits", "limit", "limitMmPerPrompt", "limit_mm_per_prompt"):
        limits = value.get(key, limits)
    if not isinstance(limits, dict) or not limits:
        return None
    if not all(type(count) is int for count in limits.values()):
        return None
    further = {kind: count for kind, count in limits.items() if kind != "image"}
    form: dict[str, Any] = {}
    if "image" in limits:
        form["imagesPerPrompt"] = limits["image"]
    if further:
        form["itemsPerPrompt"] = further
    return {"multimodal": form}


def _pairs(text: str) -> dict[str, int]:
    """The numbers of `image=3,video=1`."""
    pairs = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if number.strip().isdigit():
            pairs[name.strip()] = int(number)
    return pairs
