"""The ranges of numbers and the enumerations of vLLM's configuration, from its files, without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BOUNDS = {"ge": "least", "gt": "above", "le": "most", "lt": "below"}
"""The bounds of a field of pydantic, and their names in the tables."""

_FLAT = (
    "CacheConfig",
    "LoadConfig",
    "ModelConfig",
    "ObservabilityConfig",
    "ParallelConfig",
    "PrefetchOffloadConfig",
    "SchedulerConfig",
    "UVAOffloadConfig",
    "VllmConfig",
)
"""Configurations that every server has, and whose fields are flags of their own."""


def number_limits(package: Path) -> dict[str, dict[str, Any]]:
    """The ranges of the fields of vLLM's configuration, by class and field.

    Args:
        package: The folder `vllm` of an unpacked wheel.
    """
    limits = {}
    for file in _files(package):
        where = file.relative_to(package.parent).as_posix()
        for name, field in _fields(file):
            bounds = _bounds(field)
            if bounds:
                limits[name] = {**bounds, "where": f"{where}:{field.lineno}"}
    return dict(sorted(limits.items()))


def flag_limits(limits: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The ranges of flags that vLLM checks for every server, by flag."""
    flags = {}
    for name, bounds in limits.items():
        config, _, field = name.partition(".")
        if config in _FLAT and not field.startswith("_"):
            flags[field.replace("_", "-")] = bounds
    return dict(sorted(flags.items()))


def enumerations(package: Path) -> dict[str, list[Any]]:
    """The words and whole numbers that stand for the values of each enumeration, by its name."""
    names = {}
    for file in _files(package):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and _is_enumeration(node):
                names[node.name] = _members(node)
    return dict(sorted(names.items()))


def _files(package: Path) -> list[Path]:
    return sorted((package / "config").glob("*.py"))


def _fields(file: Path) -> Iterator[tuple[str, ast.AnnAssign]]:
    """The fields of the classes of a file, with `Class.field`."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield f"{node.name}.{field.target.id}", field


def _bounds(field: ast.AnnAssign) -> dict[str, float]:
    """The bounds of a field, in its value or in its type."""
    bounds: dict[str, float] = {}
    for part in (field.annotation, field.value):
        if part is None:
            continue
        for node in ast.walk(part):
            if isinstance(node, ast.Call) and _is_field(node):
                bounds |= _keywords(node)
    return bounds


def _is_field(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "Field"


def _keywords(call: ast.Call) -> dict[str, float]:
    bounds = {}
    for keyword in call.keywords:
        name = _BOUNDS.get(keyword.arg or "")
        if name:
            bounds[name] = ast.literal_eval(keyword.value)
    return bounds


def _is_enumeration(node: ast.ClassDef) -> bool:
    return any("Enum" in ast.unparse(base) for base in node.bases)


def _members(node: ast.ClassDef) -> list[Any]:
    """The names of the members, and those of their values that JSON can contain."""
    names: list[Any] = []
    values: list[Any] = []
    for member in node.body:
        if not isinstance(member, ast.Assign):
            continue
        target = member.targets[0]
        if isinstance(target, ast.Name):
            names.append(target.id)
        if isinstance(member.value, ast.Constant):
            values.append(member.value.value)
    return names + [value for value in values if isinstance(value, int)]
