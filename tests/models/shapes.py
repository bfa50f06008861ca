"""What is refused of a service, of a cluster."""

from __future__ import annotations

from models.finding import Finding
from tests.conftest import stack_of

SERVICE = {"image": "a:1", "model": "/m/Qwen2-7B", "engine": "{maxModelLen: 4096}"}


def refused(**fields: str) -> list[Finding]:
    """What is said of a service with these fields, written as YAML; an empty text leaves a field out."""
    lines = "".join(f"  {key}: {value}\n" for key, value in {**SERVICE, **fields}.items() if value)
    return list(stack_of(f"qwen:\n{lines}").findings)


def of_cluster(cluster: str) -> list[Finding]:
    service = "image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}"
    services = f"ascend-vllm:services: {{qwen: {{{service}}}}}"
    return list(stack_of("", head=f"config:\n  ascend-vllm:cluster: {cluster}\n  {services}\n").findings)


def one(found: list[Finding]) -> Finding:
    (finding,) = found
    return finding
