"""From any service to one that `check` accepts."""

from __future__ import annotations

import json
from typing import Any

import yaml

from models.check import check
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import load_text
from tests.properties.strategies import read

POOLS = {"snt9b": {"nodes": 1, "npusPerNode": 8, "npuMemory": "64Gi"}}
SECRETS = ("api-key", "pull")
"""Secret keys of the stack that services of the strategies refer to."""


def stack_with(service: dict[str, Any]) -> ResolvedStack:
    cluster = {"context": "prod", "pools": POOLS}
    secrets = {
        f"ascend-vllm:{name}": {"secure": "v1:8yXn4qJwGYs=:ZkE0"}
        for name in SECRETS
        if f'"{name}"' in json.dumps(service)
    }
    config = {"ascend-vllm:cluster": cluster, "ascend-vllm:services": {"one": service}, **secrets}
    text = yaml.safe_dump({"config": config}, allow_unicode=True)
    return resolve(load_text("test", "-", text, read=read))


def secret_keys(services: dict[str, Any]) -> dict[str, Any]:
    """The secret keys of the stack that services refer to."""
    named = (name for name in SECRETS if f'"{name}"' in json.dumps(services))
    return {f"ascend-vllm:{name}": {"secure": "v1:8yXn4qJwGYs=:ZkE0"} for name in named}


def nearest_accepted(service: dict[str, Any]) -> ResolvedService:
    """The service without the optional fields that errors point at, until none is left."""
    given_fields = json.loads(json.dumps(service))
    while errors := check(stack := stack_with(given_fields)).errors:
        paths = [mark.path[2:] for error in errors for mark in error.marks if len(mark.path) > 2]
        optional = [path for path in paths if path[0] not in ("image", "model") and path[-1] != "maxModelLen"]
        if not any(remove(given_fields, path) for path in optional):
            given_fields["model"] = {"name": "our-own-model", "source": "/mnt/models/our-own-model"}
            given_fields["engine"] = {"maxModelLen": 1024}
    return stack.services[0]


def remove(fields: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Remove what a path leads to, or what holds it where YAML has written its name in another way."""
    *above, key = path
    holder: Any = fields
    for name in above:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(holder, dict) and holder.pop(key, None) is not None:
        return True
    return bool(above) and remove(fields, tuple(above))
