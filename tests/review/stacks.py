"""Stacks for comparisons. Tests change single keys of one service."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml

from models.service.resolved import ResolvedStack
from models.stack_file.merge_patch import merge
from review import ServiceChange, StackChange, compare
from tests.conftest import HEAD, stack_of

SERVICE: dict[str, Any] = {
    "image": "registry.example.com/ascend-vllm:1",
    "model": "/m/Qwen2-7B-Instruct",
    "npus": 1,
    "engine": {"maxModelLen": 4096},
}


def stack(services: dict[str, Any], head: str = HEAD) -> ResolvedStack:
    """A stack with these services over `SERVICE`."""
    whole = {name: merge(SERVICE, patch) for name, patch in services.items()}
    return stack_of(yaml.safe_dump(whole, allow_unicode=True), head)


def changed(old: dict[str, Any], new: dict[str, Any]) -> ServiceChange:
    """What happens to the only service of a stack."""
    (service,) = compare(stack({"qwen": old}), stack({"qwen": new})).services
    return service


def values_by_name(change: ServiceChange | StackChange) -> dict[str, tuple[str | None, str | None]]:
    """The values before and after by the name of the detail."""
    details = change.details if isinstance(change, ServiceChange) else change.cluster
    return {detail.name: (detail.old, detail.new) for detail in details}


def head(text: str) -> str:
    """A stack's head with another cluster."""
    return f"config:\n{textwrap.indent(text, '  ')}  ascend-vllm:services:\n"
