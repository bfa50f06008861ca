"""Places in the code of each release of vllm-ascend, and of its vLLM, from `code_places.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.engines.code_places import CodePlaces, PinnedMemory

_FILE = Path(__file__).parent / "code_places.json"


@dataclass(frozen=True)
class PluginCodePlaces(CodePlaces):
    """The places of every release, and those that only rules of vllm-ascend refer to."""

    config_json: str
    """Reads the config.json of a model whose type vLLM has no own class for."""
    model_types: str
    """Refuses a model whose layers vLLM does not have."""
    tokenizer: str
    """Refuses a tokenizer that is code."""
    offloaded_kv_cache: str
    """Reserves the memory for the KV cache that is moved to the node."""
    replaced_connector: str
    """Replaces the connector of the KV cache if `--kv-offloading-size` is set."""
    reranker: str
    """Makes a model that scores documents of one that generates text, if config.json or the flag says so."""
    quantization_mismatch: str
    """Refuses another quantization than that of config.json."""
    quantization_unsupported: str
    """Refuses weights with a quantization that the plugin does not load."""


@cache
def code_places(release: str) -> PluginCodePlaces:
    """The places of a release.

    Raises:
        KeyError: The release is not known.
    """
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    return PluginCodePlaces(**document["releases"][release])


def pinned_memory(release: str) -> PinnedMemory:
    """The part of the KV cache that is moved to the node; by default none."""
    return PinnedMemory(
        flag="kv-offloading-size",
        words="offloaded KV cache",
        off=None,
        where=code_places(release).offloaded_kv_cache,
    )
