"""The named types of vLLM's configuration and the variables it reads, from its files, without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PLACES = ("config", "tasks.py", "model_executor/layers/quantization/__init__.py")
"""The folder and the files of the package `vllm` with the types of its configuration."""


def type_names(package: Path) -> dict[str, list[Any]]:
    """The values of each `Literal` that vLLM's configuration names, by its name.

    Args:
        package: The folder `vllm` of an unpacked wheel.
    """
    definitions: dict[str, ast.expr] = {}
    for file in _files(package):
        for name, value in assignments(file):
            definitions.setdefault(name, value)
    names = {}
    for name, definition in sorted(definitions.items()):
        values = _values(definition, definitions)
        if values:
            names[name] = values
    return names


def variables(package: Path) -> list[str]:
    """The environment variables that vLLM declares in envs.py. vLLM warns of other names that begin with VLLM_.

    Args:
        package: The folder `vllm` of an unpacked wheel.
    """
    definitions = dict(assignments(package / "envs.py"))
    declared = definitions["environment_variables"]
    if not isinstance(declared, ast.Dict):
        raise TypeError("envs.py: environment_variables is not a mapping")
    names = []
    for key in declared.keys:
        if isinstance(key, ast.Constant):
            names.append(str(key.value))
    return sorted(names)


def kv_connectors(package: Path) -> list[str]:
    """The connectors of the KV cache that vLLM registers itself, with `register_connector(NAME, …)`.

    Args:
        package: The folder `vllm` of an unpacked wheel.
    """
    factory = package / "distributed/kv_transfer/kv_connector/factory.py"
    names = []
    for node in ast.walk(parsed(factory)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function = ast.unparse(node.func)
        name = node.args[0]
        is_registration = function.endswith(".register_connector")
        if is_registration and isinstance(name, ast.Constant):
            names.append(str(name.value))
    return sorted(names)


def attention_backends(package: Path) -> list[str]:
    """The names of the attention backends, which vLLM looks up in its enumeration.

    Args:
        package: The folder `vllm` of an unpacked wheel.
    """
    registry = package / "v1/attention/backends/registry.py"
    return _members(registry, "AttentionBackendEnum")


def looked_up_names(package: Path) -> dict[str, list[str]]:
    """The names that vLLM looks up for a flag whose parser accepts any text, by the flag."""
    definitions = dict(assignments(package / "transformers_utils/config.py"))
    formats = definitions["_CONFIG_FORMAT_TO_CONFIG_PARSER"]
    if not isinstance(formats, ast.Dict):
        raise TypeError("config.py: the parsers of config.json are not a mapping")
    of_formats = [key.value for key in formats.keys if isinstance(key, ast.Constant)]
    names = {"config-format": ["auto", *map(str, of_formats)]}
    mamba = package / "config/mamba.py"
    if mamba.exists():
        names["mamba-backend"] = _members(mamba, "MambaBackendEnum")
    return names


def _members(file: Path, enumeration: str) -> list[str]:
    """The names of the members of an enumeration that a file defines."""
    for node in parsed(file).body:
        if isinstance(node, ast.ClassDef) and node.name == enumeration:
            return sorted(_member_names(node))
    raise ValueError(f"{file}: no {enumeration}")


def _member_names(enumeration: ast.ClassDef) -> Iterator[str]:
    for node in enumeration.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id


def _files(package: Path) -> Iterator[Path]:
    """The files in which vLLM defines the types of its configuration. Not every release has all of them."""
    for name in _PLACES:
        path = package / name
        if path.is_dir():
            yield from sorted(path.glob("*.py"))
        elif path.exists():
            yield path


def parsed(file: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def assignments(file: Path) -> Iterator[tuple[str, ast.expr]]:
    """The names that a file assigns at its top level, with their values."""
    for node in parsed(file).body:
        target: ast.expr | None = None
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            value = node.value
        elif isinstance(node, ast.AnnAssign):
            target = node.target
            value = node.value
        if isinstance(target, ast.Name) and value is not None:
            yield target.id, value


def _values(expression: ast.expr | None, definitions: dict[str, ast.expr]) -> list[Any]:
    """The values of a `Literal`, those of the types in it included; empty for another expression.

    Args:
        expression: The expression, or the name of another definition.
        definitions: The definitions by their names.
    """
    if isinstance(expression, ast.Name):
        definition = definitions.get(expression.id)
        return _values(definition, definitions)
    values: list[Any] = []
    for item in _items_of_literal(expression):
        if isinstance(item, ast.Constant):
            values.append(item.value)
        else:
            values += _values(item, definitions)
    return list(dict.fromkeys(values))


def _items_of_literal(expression: ast.expr | None) -> list[ast.expr]:
    """The expressions inside a `Literal[…]`; empty for another expression."""
    if not isinstance(expression, ast.Subscript):
        return []
    if ast.unparse(expression.value) != "Literal":
        return []
    inner = expression.slice
    if isinstance(inner, ast.Tuple):
        return inner.elts
    return [inner]
