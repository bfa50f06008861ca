"""Stack files from launches of the tables: variables and flags as one line of words."""

from __future__ import annotations

import json
from typing import Any

import yaml

from models.check import check
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_text

DENSE = "/mnt/models/Qwen2.5-7B-Instruct"
EXPERTS = "/mnt/models/Qwen2-57B-A14B-Instruct"
LATENT = "/mnt/models/DeepSeek-V2-Lite-Chat"

_KEYS = {
    "tensor-parallel-size": "tensorParallelSize",
    "pipeline-parallel-size": "pipelineParallelSize",
    "data-parallel-size": "dataParallelSize",
    "block-size": "blockSize",
    "additional-config": "additionalConfig",
    "kv-cache-dtype": "kvCacheDtype",
    "max-num-batched-tokens": "maxNumBatchedTokens",
    "compilation-config": "compilationConfig",
}
"""Flags and the keys under `engine` that set them."""

_METHODS = {"draft_model": "draft"}


def service(words: str, release: str, model: str = DENSE, sparse: bool = False) -> dict[str, Any]:
    """The service whose launch has these variables and flags.

    Args:
        words: Variables and flags, such as `ASCEND_LAUNCH_BLOCKING=1 --tensor-parallel-size 4`.
        release: The release of vllm-ascend.
        model: The path of the weights.
        sparse: Whether the model has sparse attention.
    """
    engine: dict[str, Any] = {"maxModelLen": 4096}
    entry: dict[str, Any] = {
        "image": f"quay.io/ascend/vllm-ascend:v{release}",
        "model": {"source": model},
        "engine": engine,
        "env": {},
    }
    if sparse:
        entry["model"]["facts"] = {"modelType": "deepseek_v32"}
    tokens = words.split()
    while tokens:
        token = tokens.pop(0)
        if not token.startswith("--"):
            name, _, value = token.partition("=")
            entry["env"][name] = value
            continue
        values = []
        while tokens and not tokens[0].startswith("--"):
            values.append(tokens.pop(0))
        _set(entry, token.removeprefix("--"), " ".join(values))
    sizes = [engine.get(key, 1) for key in ("tensorParallelSize", "pipelineParallelSize", "dataParallelSize")]
    engine.setdefault("tensorParallelSize", 1)
    entry["npus"] = max(1, min(16, sizes[0] * sizes[1] * sizes[2]))
    return entry


def _set(entry: dict[str, Any], flag: str, text: str) -> None:
    """Add a flag to a service."""
    engine = entry["engine"]
    value: Any = True
    if text:
        value = yaml.safe_load(text) if text[0] in "{[" or text.isdigit() else text
    if flag in _KEYS:
        engine[_KEYS[flag]] = value
    elif flag == "enforce-eager":
        entry["graph"] = "eager"
    elif flag == "quantization":
        entry["quantization"] = value
    elif flag == "no-disable-custom-all-reduce":
        engine.setdefault("extraArgs", {})[flag.removeprefix("no-")] = False
    elif flag == "no-enable-prefix-caching":
        entry["prefixCaching"] = False
    elif flag == "no-enable-chunked-prefill":
        engine["enableChunkedPrefill"] = False
    elif flag == "speculative-config":
        entry["speculative"] = _speculative(value)
    else:
        engine.setdefault("extraArgs", {})[flag] = value


def _speculative(config: dict[str, Any]) -> dict[str, Any]:
    kind = _METHODS.get(config["method"], config["method"])
    entry = {"kind": kind, "tokens": config["num_speculative_tokens"]}
    if kind == "ngram":
        entry["promptLookupMax"] = 4
    elif kind != "mtp":
        entry["source"] = "/mnt/models/draft"
    if "quantization" in config:
        entry["config"] = {"quantization": config["quantization"]}
    return entry


def findings(entry: dict[str, Any]) -> tuple[Finding, ...]:
    """What `check` finds in a stack of one service."""
    config = {
        "ascend-vllm:cluster": {"context": "prod"},
        "ascend-vllm:services": {"qwen": json.loads(json.dumps(entry))},
    }
    text = yaml.safe_dump({"config": config}, sort_keys=False)
    return check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings
