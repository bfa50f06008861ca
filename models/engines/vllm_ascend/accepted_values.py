"""Keys of the stack file of which a release of vllm-ascend accepts only some values."""

from __future__ import annotations

from typing import get_args

from models.engines.engine_args import Version
from models.engines.features import GraphMode, Quantization
from models.engines.release import AcceptedValues
from models.engines.vllm_ascend.tables import FlagTable, flag_table, plugin_table

_KINDS_OF_METHODS = {
    "ngram": "ngram",
    "suffix": "suffix",
    "medusa": "medusa",
    "eagle": "eagle",
    "eagle3": "eagle3",
    "mtp": "mtp",
    "dflash": "dflash",
    "draft_model": "draft",
}
"""Kinds of speculative decoding by vLLM's name of the method."""


_OF_THE_MANUAL = "smoothquant"
"""A method of Huawei's closed Ascend-vLLM (manual, Step 3, --quantization)."""


def accepted_values(version: Version) -> dict[str, AcceptedValues]:
    """The accepted values by key. Of an unknown plugin, only the limits of vLLM are known."""
    accepted = _of_vllm(version, flag_table(version))
    plugin = plugin_table(version)
    if plugin is None:
        accepted["quantization"] = AcceptedValues(
            [method for method in get_args(Quantization) if method != _OF_THE_MANUAL],
            why=f"vLLM {version} does not start with an unknown method (vllm/config/model.py)",
        )
        return accepted
    methods = plugin.speculative_methods
    accepted["quantization"] = AcceptedValues(
        plugin.quantization_methods,
        why=f"the platform of vllm-ascend {version} refuses every other method ({plugin.quantization_where})",
    )
    accepted["speculative.kind"] = AcceptedValues(
        [kind for method, kind in _KINDS_OF_METHODS.items() if method in methods],
        why=f"the worker of vllm-ascend {version} cannot run it ({plugin.speculative_where})",
        edit="remove speculative",
    )
    modes = plugin.graphs.modes
    if "compilation_config.cudagraph_mode" in plugin.resets:
        modes = get_args(GraphMode)
    accepted["graph.mode"] = AcceptedValues(
        modes,
        why=f"vllm-ascend {version} captures no other graphs ({plugin.graphs.where})",
    )
    return accepted


def _of_vllm(version: Version, table: FlagTable) -> dict[str, AcceptedValues]:
    parser = f"the argument parser of vLLM {version} exits at another value"
    servers = [kind for kind in table.modules if kind != "serve"]
    return {
        "server.kind": AcceptedValues(
            servers,
            why=f"vLLM {version} does not have this server (vllm/entrypoints)",
            edit="write server.kind: openai",
        ),
        "graph.kind": AcceptedValues(
            ["eager", "cann"],
            why="PTA graphs belong to Huawei's closed Ascend-vLLM (manual, Step 3); vllm-ascend captures CANN graphs",
            edit="remove graph",
        ),
        "engine.kvCacheDtype": AcceptedValues(
            table.flags["kv-cache-dtype"].choices,
            why=f"{parser} (vllm/config/cache.py)",
        ),
        "lora.maxRank": AcceptedValues(
            table.server.lora_ranks, why=f"{parser} (vllm/config/lora.py)"
        ),
        "server.reasoningParser": AcceptedValues(
            table.server.reasoning_parsers,
            why=f"vLLM {version} has no other parser (vllm/reasoning)",
        ),
        "server.toolCallParser": AcceptedValues(
            table.server.tool_call_parsers,
            why=f"vLLM {version} has no other parser (vllm/tool_parsers)",
        ),
    }
