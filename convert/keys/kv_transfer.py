"""The key `kvTransfer` of a stack, which two services of this program share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from convert.keys.pod import is_ours
from convert.minimal import Values
from convert.objects import Object
from convert.pods import Pod
from convert.server.command_line import Flags
from models.engines.vllm_ascend.kv_transfer import HASH_SEED
from models.manifests.kv_transfer import PAIR_LABEL
from models.service.kv_transfer import first_free_port

FLAG = "kv-transfer-config"
_PREFILL = "kv_producer"
"""The role of the service for prefill."""

_ROUTER = "ModelServer"
"""The kind of object by which Kthena sends requests to a pair."""


class PairedService(Protocol):
    """A drafted service that may be one of a pair."""

    @property
    def name(self) -> str:
        """The name of the service."""

    @property
    def pod(self) -> Pod:
        """Its pod."""

    @property
    def kv_transfer(self) -> Mapping[str, Any]:
        """The value of `--kv-transfer-config`; empty if the service is not one of a pair."""


def is_of_pair(pod: Pod) -> bool:
    """Whether this program made a pod of a pair."""
    return is_ours(pod) and PAIR_LABEL in pod.template.labels


def take_pair(flags: Flags, pod: Pod) -> Mapping[str, Any]:
    """Take what `kvTransfer` stands for out of the flags and the variables of a pod of a pair."""
    if not is_of_pair(pod):
        return {}
    pod.start.environment.pop(HASH_SEED, None)
    config = flags.values.pop(FLAG, None)
    return config if isinstance(config, dict) else {}


def keeps_kv_cache(config: Mapping[str, Any]) -> bool:
    """Whether a service of a pair waits for the readers of its KV cache when it ends."""
    return config.get("kv_role") == _PREFILL


def kv_transfer(services: Sequence[PairedService], objects: Sequence[Object]) -> Values:
    """The key `kvTransfer`; empty if the services have no pair.

    Args:
        services: The drafted services.
        objects: All objects of the files.
    """
    ends = {}
    for service in services:
        role = service.kv_transfer.get("kv_role")
        if role:
            ends[role] = service
    prefill = ends.get(_PREFILL)
    decode = ends.get("kv_consumer")
    if prefill is None or decode is None:
        return {}
    values: Values = {"prefill": prefill.name, "decode": decode.name}
    port = prefill.kv_transfer.get("kv_port")
    if port != first_free_port({}):
        values["port"] = port
    if not any(item.kind == _ROUTER for item in objects):
        values["router"] = "none"
    return values
