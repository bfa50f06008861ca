"""Stacks from texts in a directory, as their files or as the engine hands them over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.check import check
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_stack
from models.stack_file.parse import LoadedStack

CLUSTER = "  ascend-vllm:cluster: {context: prod}\n"
SERVICE = "{image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}}"
BASE = f"services:\n  qwen: {SERVICE}\n  llava: {SERVICE}\n"


class Engine:
    """The values as Pulumi's engine hands them over: text, mappings as JSON with sorted keys."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def get(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True)


def load(tmp_path: Path, text: str, **others: str) -> LoadedStack:
    """The stack `dev` of a project with these files."""
    (tmp_path / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    for name, content in others.items():
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    return load_stack("dev", project=tmp_path)


def findings(stack: LoadedStack) -> list[Finding]:
    return list(check(resolve(stack)).findings)


def rules(stack: LoadedStack) -> list[str]:
    return [finding.rule for finding in findings(stack)]
