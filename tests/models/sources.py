"""Stacks whose services have their weights in each kind of source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from models.engines.memory import GIB
from models.manifests import service_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import load_text
from tests.conftest import HEAD

SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FILES = {"config.json": {"size": 663, "sha256": SHA}, "model.safetensors": {"size": 140 * GIB, "sha256": SHA}}
KEYS = {"accessKey": {"secret": "obs", "key": "access"}, "secretKey": {"secret": "obs", "key": "secret"}}
BUCKET: dict[str, Any] = {
    "kind": "bucket",
    "endpoint": "https://obs.cn-north-4.myhuaweicloud.com",
    "region": "cn-north-4",
    "bucket": "models",
    "prefix": "qwen/Qwen2-7B-Instruct",
}
CLAIM: dict[str, Any] = {"kind": "claim", "name": "models", "directory": "qwen/Qwen2-7B-Instruct"}


def stack_with(home: Path, *models: Any, **more: Any) -> ResolvedStack:
    """A stack with a service for each model."""
    services = {
        f"qwen-{number}": {"image": "a:1", "model": model, "engine": {"maxModelLen": 4096}, **more}
        for number, model in enumerate(models)
    }
    text = HEAD + "".join(f"    {line}\n" for line in yaml.safe_dump(services).splitlines())
    return resolve(load_text("test", f"{home}/Pulumi.test.yaml", text))


def service_with(home: Path, model: Any, **more: Any) -> ResolvedService:
    stack = stack_with(home, model, **more)
    assert stack.findings == ()
    return stack.services[0]


def bucket(**more: Any) -> dict[str, Any]:
    return {"source": {**BUCKET, **more}, "verify": "weights.json"}


def pod_of(service: ResolvedService) -> dict[str, Any]:
    (deployment,) = (one for one in service_objects(service) if one["kind"] == "Deployment")
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def steps_of(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """The init containers of a pod without the preflight."""
    return [step for step in pod["initContainers"] if not step["name"].startswith("preflight")]


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (item for item in items if item["name"] == name)
    return found
