"""Objects of a pair of services for prefill and decode: labels of its pods, and the objects of the router."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from models.engines.kv_transfer import KvTransferEnd
from models.manifests.kinds import KTHENA
from models.manifests.metadata import (
    INSTANCE_LABEL,
    NAME,
    NAME_LABEL,
    RANK_LABEL,
    Manifest,
    metadata,
)
from models.service.resolved import ResolvedService

PAIR_LABEL = "ascend-vllm/kv-transfer"
"""The label with the name of the pair."""

REVISION_LABEL = "ascend-vllm/kv-transfer-revision"
"""The label of pods that can exchange KV cache: during an update, the old ones with the old ones only."""


def pair_labels(service: ResolvedService) -> dict[str, str]:
    """The labels of the pods of a paired service; none for any other service."""
    end = service.kv_transfer
    if end is None:
        return {}
    return {PAIR_LABEL: end.pair, REVISION_LABEL: _revision(service, end)}


def _revision(service: ResolvedService, end: KvTransferEnd) -> str:
    """A hash of the settings that both servers share. A change of them restarts both in any case."""
    shared = {
        "release": service.release.version,
        "model": service.model.path,
        "block size": service.engine.block_size,
        "cache type": service.engine.kv_cache_dtype,
        "connector": end.connector,
        "prefill": [end.prefill.tensor, end.prefill.data, end.prefill.pipeline],
        "decode": [end.decode.tensor, end.decode.data, end.decode.pipeline],
    }
    if end.prefill.layers_of_stages:
        shared["layers of stages"] = end.prefill.layers_of_stages
    text = json.dumps(shared, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def peer_selector(end: KvTransferEnd) -> dict[str, str]:
    """The labels that select the pods of the service at the other end."""
    return {NAME_LABEL: NAME, INSTANCE_LABEL: end.peer}


def router_objects(service: ResolvedService) -> Iterator[Manifest]:
    """The objects by which Kthena sends requests to the pair. They belong to the service for decode."""
    end = service.kv_transfer
    if end is None or end.role != "decode" or service.router != "kthena":
        return
    yield _model_server(service, end)
    yield _model_route(service)


def _model_server(service: ResolvedService, end: KvTransferEnd) -> Manifest:
    return {
        "apiVersion": KTHENA,
        "kind": "ModelServer",
        "metadata": metadata(service),
        "spec": {
            "inferenceEngine": "vLLM",
            "kvConnector": {"type": end.connector},
            "workloadPort": {"port": service.server.port},
            "workloadSelector": {
                "matchLabels": {PAIR_LABEL: end.pair},
                "pdGroup": {
                    "groupKey": REVISION_LABEL,
                    "prefillLabels": _serving_pods(
                        end.peer, leads_group=end.peer_is_group
                    ),
                    "decodeLabels": _serving_pods(
                        service.name, leads_group=service.group is not None
                    ),
                },
            },
        },
    }


def _serving_pods(service: str, *, leads_group: bool) -> dict[str, str]:
    """The labels of the pods that answer requests: all of a service, or the leaders of its groups."""
    labels = {INSTANCE_LABEL: service}
    if leads_group:
        labels[RANK_LABEL] = "0"
    return labels


def _model_route(service: ResolvedService) -> Manifest:
    spec: Manifest = {
        "modelName": service.model_names[0],
        "rules": [
            {"name": "pair", "targetModels": [{"modelServerName": service.name}]}
        ],
    }
    if service.lora:
        spec["loraAdapters"] = [*service.lora.adapters]
    return {
        "apiVersion": KTHENA,
        "kind": "ModelRoute",
        "metadata": metadata(service),
        "spec": spec,
    }
