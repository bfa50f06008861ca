"""A stack with a pair of services for prefill and decode, and what follows from it."""

from __future__ import annotations

import json
from typing import Any

from models.check import check
from models.launch.launch import launch
from models.manifests import service_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.parse import parse_stack

IMAGE = "quay.io/ascend/vllm-ascend:v0.23.0"
OLDER = "quay.io/ascend/vllm-ascend:v0.18.0"
PAIR = {"prefill": "front", "decode": "back"}


def stack(
    pair: dict[str, Any] | None = None,
    prefill: dict[str, Any] | None = None,
    decode: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    engine: dict[str, dict[str, Any]] | None = None,
) -> ResolvedStack:
    """A stack with a pair, with changes of its parts."""
    services = {}
    for name, changes in {"front": prefill, "back": decode}.items():
        own_engine = (engine or {}).get(name, {})
        services[name] = {
            "image": IMAGE,
            "model": "/mnt/models/Qwen3-32B",
            "npus": 4,
            "engine": {"maxModelLen": 32768, "tensorParallelSize": 4, **own_engine},
            **(changes or {}),
        }
    values = {
        "cluster": {"context": "prod", **(cluster or {})},
        "kvTransfer": {**PAIR, **(pair or {})},
        "services": services,
    }
    loaded = parse_stack("prod", "Pulumi.prod.yaml", values, {})
    assert loaded.findings == ()
    return resolve(loaded)


def service(name: str, **changes: Any) -> ResolvedService:
    found = stack(**changes).service(name)
    assert found is not None
    return found


def transfer_config(server: ResolvedService) -> dict[str, Any]:
    (flag,) = [word for word in launch(server).argv if word.startswith("--kv-transfer-config=")]
    config: dict[str, Any] = json.loads(flag.partition("=")[2])
    return config


def objects(server: ResolvedService, kind: str) -> list[dict[str, Any]]:
    return [item for item in service_objects(server) if item["kind"] == kind]


def rules(**changes: Any) -> list[str]:
    return [finding.rule for finding in check(stack(**changes)).findings]
