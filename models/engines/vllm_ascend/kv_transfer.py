"""The KV transfer of vllm-ascend: its connectors, and `--kv-transfer-config` of each end of a pair."""

from __future__ import annotations

from typing import Any

from models.engines.kv_transfer import KvConnector, KvTransferEnd, ParallelSizes

CONNECTORS: dict[KvConnector, str] = {"mooncake": "MooncakeConnectorV1"}
"""The plugin's names for the connectors (vllm_ascend/distributed/kv_transfer/__init__.py)."""

HASH_SEED = "PYTHONHASHSEED"
"""The variable that makes equal prompts have equal hashes in both servers."""

_ROLES = {"prefill": "kv_producer", "decode": "kv_consumer"}


def kv_transfer_config(end: KvTransferEnd) -> dict[str, Any]:
    """The value of `--kv-transfer-config`.

    It has no `engine_id`: vLLM takes a new one at each start (vllm/config/kv_transfer.py). With a fixed one, the other
    server would go on with the addresses of a server that has ended, because it keeps them by this id
    (vllm_ascend/distributed/kv_transfer/kv_p2p/mooncake_connector.py:796 of 0.23.0).
    """
    return {
        "kv_connector": CONNECTORS[end.connector],
        "kv_role": _ROLES[end.role],
        "kv_port": end.port,
        "kv_connector_extra_config": {
            "prefill": _sizes(end.prefill),
            "decode": _sizes(end.decode),
        },
    }


def _sizes(sizes: ParallelSizes) -> dict[str, Any]:
    config: dict[str, Any] = {"dp_size": sizes.data, "tp_size": sizes.tensor}
    if sizes.pipeline > 1:
        config["pp_size"] = sizes.pipeline
        if sizes.layers_of_stages:
            config["pp_layer_partition"] = sizes.layers_of_stages
    return config
