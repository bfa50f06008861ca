"""The values of the named types in vLLM's configuration, read from its files without importing them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_FOLDERS = ("config", "tasks.py", "model_executor/layers/quantization/__init__.py")
"""Where vLLM defines the types of its configuration, in the folder of the package."""


def type_names(package: Path, configs: dict[str, Any]) -> dict[str, list[Any]]:
    """The values of each `Literal` that a field of a JSON flag is declared with, by its name.

    Args:
        package: The folder `vllm` of an unpacked wheel.
        configs: The fields of the release's JSON flags, as in the table of the release.
    """
    definitions: dict[str, ast.expr] = {}
    for file in _files(package):
        for name, value in _definitions(file):
            definitions.setdefault(name, value)
    names: dict[str, list[Any]] = {}
    for config in configs.values():
        for field in config["fields"].values():
            for name in _NAME.findall(field["type"]):
                values = _values(definitions.get(name), definitions)
                if values:
                    names[name] = values
    return names


def _files(package: Path) -> Iterator[Path]:
    for name in _FOLDERS:
        path = package / name
        if path.is_dir():
            yield from sorted(path.glob("*.py"))
        elif path.exists():
            yield path


def _definitions(file: Path) -> Iterator[tuple[str, ast.expr]]:
    """The names that a file assigns at its top level."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is not None:
                yield node.target.id, node.value


def _values(
    expression: ast.expr | None, definitions: dict[str, ast.expr]
) -> list[Any]:
    """The values of a `Literal`, those of the types in it included; empty if it is something else."""
    if isinstance(expression, ast.Name):
        return _values(definitions.get(expression.id), definitions)
    if not isinstance(expression, ast.Subscript):
        return []
    if not (isinstance(expression.value, ast.Name) and expression.value.id == "Literal"):
        return []
    inner = expression.slice
    items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    values: list[Any] = []
    for item in items:
        found = [item.value] if isinstance(item, ast.Constant) else _values(item, definitions)
        values.extend(value for value in found if value not in values)
    return values
