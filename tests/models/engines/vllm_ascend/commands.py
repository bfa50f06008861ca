"""Commands of vllm-ascend's own pages as stack files, and the values that a release's parser reads in a command."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.engines.engine_args import Version
from models.engines.flags import Flag, suffixed_number
from models.engines.release import Release

SEVERAL_NODES = {"headless", "nnodes", "node-rank", "data-parallel-start-rank", "data-parallel-address"}
"""Flags of a server that runs on several nodes."""

ENGINE_KEYS = {
    "max-model-len": "maxModelLen",
    "max-num-seqs": "maxNumSeqs",
    "max-num-batched-tokens": "maxNumBatchedTokens",
    "tensor-parallel-size": "tensorParallelSize",
    "pipeline-parallel-size": "pipelineParallelSize",
    "data-parallel-size": "dataParallelSize",
    "enable-expert-parallel": "enableExpertParallel",
    "block-size": "blockSize",
    "dtype": "dtype",
    "kv-cache-dtype": "kvCacheDtype",
    "gpu-memory-utilization": "gpuMemoryUtilization",
    "enable-chunked-prefill": "enableChunkedPrefill",
    "async-scheduling": "asyncScheduling",
    "distributed-executor-backend": "distributedExecutorBackend",
    "trust-remote-code": "trustRemoteCode",
    "served-model-name": "servedModelName",
    "additional-config": "additionalConfig",
}
SERVER_KEYS = {
    "host": "host",
    "port": "port",
    "reasoning-parser": "reasoningParser",
    "tool-call-parser": "toolCallParser",
}
FEATURES = {
    "enforce-eager",
    "enable-prefix-caching",
    "quantization",
    "compilation-config",
    "speculative-config",
    "limit-mm-per-prompt",
}
SPECULATIVE_KINDS = {"deepseek_mtp": "mtp", "qwen3_5_mtp": "mtp", "draft_model": "draft"}
"""Names of methods that vLLM replaces by `mtp` itself, and that the stack file names differently."""


@dataclass(frozen=True)
class Command:
    """A `vllm serve` command of a page."""

    page: str
    words: Sequence[str]
    refused_at: str | None = None
    """Where the plugin refuses it after the parser has accepted it."""


_TABLE: dict[Version, Any] = json.loads(Path(__file__).with_name("commands.json").read_text(encoding="utf-8"))

WITH_PAGES = tuple(_TABLE)
"""The releases whose pages are in the table."""


def commands(version: Version) -> list[Command]:
    """The commands of a release's pages that its parser accepts."""
    found = []
    for entry in _TABLE[version]:
        words = [word.replace("${NETLOADER_CONFIG}", "{}") for word in entry["words"]]
        found.append(Command(**{**entry, "words": words}))
    return found


def parsed(words: Sequence[str], release: Release) -> dict[str, Any]:
    """The values of a command by the name of the flag, as the release's parser reads them."""
    values: dict[str, Any] = {}
    rest = [*words[2:]]
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            values["model"] = word
            continue
        name, has_value, text = word.partition("=")
        name, _, field = name.partition(".")
        if name.startswith("--no-"):
            name = f"--{name.removeprefix('--no-')}"
            text, has_value = "false", "="
        flag = flag_of(name, release)
        if has_value:
            read: Any = value_of(flag, text)
        elif flag.kind == "flag":
            read = True
        elif flag.kind in ("list", "append"):
            read = []
            while rest and not rest[0].startswith("-"):
                read.append(rest.pop(0))
        elif flag.optional_value and (not rest or rest[0].startswith("-")):
            read = True
        else:
            read = value_of(flag, rest.pop(0))
        if field:
            values.setdefault(flag.name, {})[field] = read
        else:
            values[flag.name] = read
    return values


def flag_of(name: str, release: Release) -> Flag:
    """The flag of a name or of its short form."""
    for flag in release.flags.values():
        if name in flag.aliases:
            return flag
    found = release.flag(name)
    assert found, name
    return found


def value_of(flag: Flag, text: str) -> Any:
    """The value of a word."""
    if flag.kind == "flag":
        return text.lower() != "false"
    if flag.kind in ("list", "append"):
        return [text]
    if flag.type == "json" and re.match(r"[\[{\d]", text):
        return json.loads(text)
    if flag.type == "int" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if flag.type == "float":
        return float(text)
    number = suffixed_number(text) if flag.suffixes else None
    return text if number is None else number


def service_of(values: Mapping[str, Any], image: str, release: Release) -> dict[str, Any]:
    """The service of the stack file that starts the same server. A model of a hub becomes a directory of the node."""
    service: dict[str, Any] = {"image": image, "model": directory(values.get("model", "model"))}
    engine: dict[str, Any] = {"maxModelLen": 4096}
    server: dict[str, Any] = {}
    for name, value in values.items():
        if name in ENGINE_KEYS:
            engine[ENGINE_KEYS[name]] = value
        elif name in SERVER_KEYS:
            server[SERVER_KEYS[name]] = value
        elif name == "chat-template":
            server["chatTemplate"] = template(value)
        elif name in FEATURES:
            service |= feature_of(name, value, engine)
        elif name not in ("model", "enable-auto-tool-choice"):
            extra = engine.setdefault("extraArgs", {})
            extra[release.flags[name].key] = value
    service["engine"] = engine
    if server:
        service["server"] = server
    return service


def template(path: str) -> str:
    """The path of a chat template; the pages start the server in the folder of vLLM."""
    return path.replace("./", "/opt/vllm/")


def feature_of(name: str, value: Any, engine: dict[str, Any]) -> dict[str, Any]:
    """The key of a feature."""
    if name == "enforce-eager":
        return {"graph": "eager"}
    if name == "enable-prefix-caching":
        return {"prefixCaching": value}
    if name == "quantization":
        return {"quantization": value}
    if name == "compilation-config":
        return graph_of(value, engine)
    if name == "speculative-config":
        return {"speculative": speculative_of(value)}
    return {"multimodal": multimodal_of(value)}


def directory(name: str) -> str:
    """The directory of a model or head on the node; the name of a hub is not one."""
    if name.startswith("/"):
        return name.rstrip("/")
    return f"/mnt/models/{name}"


def graph_of(config: Mapping[str, Any], engine: dict[str, Any]) -> dict[str, Any]:
    """The key `graph`; other fields become `engine.compilationConfig`."""
    graph: dict[str, Any] = {}
    further = dict(config)
    if "cudagraph_mode" in further:
        graph["mode"] = further.pop("cudagraph_mode")
    if "cudagraph_capture_sizes" in further:
        graph["captureSizes"] = further.pop("cudagraph_capture_sizes")
    if further:
        engine["compilationConfig"] = further
    return {"graph": {"kind": "cann", **graph}} if graph else {}


def speculative_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The key `speculative`; fields without a key are under `config`."""
    further = dict(config)
    method = further.pop("method")
    speculative: dict[str, Any] = {
        "kind": SPECULATIVE_KINDS.get(method, method),
        "tokens": further.pop("num_speculative_tokens"),
    }
    if "model" in further:
        speculative["source"] = directory(further.pop("model"))
    if further:
        speculative["config"] = further
    return speculative


def multimodal_of(limits: Mapping[str, int]) -> dict[str, Any]:
    """The key `multimodal`."""
    others = dict(limits)
    multimodal: dict[str, Any] = {}
    images = others.pop("image", None)
    if images:
        multimodal["imagesPerPrompt"] = images
    elif images == 0:
        others["image"] = 0
    if others:
        multimodal["itemsPerPrompt"] = others
    return multimodal


def same_meaning(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the form that vLLM gives them, to compare two commands."""
    plain = dict(values)
    plain["model"] = directory(plain.get("model", "model"))
    if "chat-template" in plain:
        plain["chat-template"] = template(plain["chat-template"])
    speculative = plain.get("speculative-config")
    if speculative:
        method = SPECULATIVE_KINDS.get(speculative["method"], speculative["method"])
        plain["speculative-config"] = {**speculative, "method": method}
        if "model" in speculative:
            plain["speculative-config"]["model"] = directory(speculative["model"])
    return plain
