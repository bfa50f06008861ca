"""The rule on a connector of the KV cache that another setting replaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.code_places import code_places
from models.engines.vllm_ascend.kv_transfer import kv_transfer_config
from models.finding import Finding, Mark, no_effect

_SIZE = "kv-offloading-size"
_BACKEND = "kv-offloading-backend"
_CONFIG = "kv-transfer-config"

_OWN_CONNECTORS = {
    "native": ("OffloadingConnector", "SimpleCPUOffloadConnector"),
    "lmcache": ("LMCacheConnectorV1", "LMCacheMPConnector"),
}
"""The connectors that vLLM uses for each backend, by release and `VLLM_USE_SIMPLE_KV_OFFLOAD`."""


@rule("no-effect")
def replaced_connector(server: ModelServer) -> Iterator[Finding]:
    """A server that moves KV cache to the memory of the node has no other connector.

    With `kv-offloading-size`, vLLM replaces the connector and the role of `kv-transfer-config`, and starts without a
    word. A server that should exchange KV cache with another one computes everything itself (vllm/config/vllm.py).
    """
    if server.further(_SIZE) is None:
        return
    config = _configured(server)
    connector = config.get("kv_connector")
    role = config.get("kv_role")
    backend = server.further(_BACKEND) or "native"
    own = _OWN_CONNECTORS.get(backend, ())
    if connector in (None, *own) and role in (None, "kv_both"):
        return
    version = server.release.version
    place = code_places(version).replaced_connector
    yield no_effect(
        f"--{_SIZE} replaces the connector {connector} with the role {role}",
        why=f"vLLM {version} uses its own connector with the role kv_both instead, and logs nothing ({place})",
        fix=f"remove {extra_argument_key(server, _SIZE)}",
        marks=[extra_argument_mark(server, _SIZE), *_marks(server)],
    )


def _configured(server: ModelServer) -> Mapping[str, Any]:
    """The value of `--kv-transfer-config` that the launch contains."""
    if server.kv_transfer:
        return kv_transfer_config(server.kv_transfer)
    value = server.further(_CONFIG)
    return value if isinstance(value, dict) else {}


def _marks(server: ModelServer) -> list[Mark]:
    """A mark on the configuration, if the service itself has it."""
    if server.kv_transfer:
        return []
    return [extra_argument_mark(server, _CONFIG)]
