"""The texts that a package can read from its environment variables, from its envs.py, without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLES = ("environment_variables", "env_variables")
"""The mapping of each name to the function that reads it: of vLLM, and of its plugin."""

_CONVERSIONS = {
    "int": "integer",
    "maybe_convert_int": "integer",
    "maybe_convert_bool": "integer",
    "float": "number",
    "json.loads": "json",
}
"""The required form of a text for a function that raises otherwise."""

_WITH_CHOICES = {
    "env_with_choices": "choice",
    "env_list_with_choices": "choices",
    "env_set_with_choices": "choices",
}
"""The functions of envs.py that raise if a value is not one of their choices."""

_LEVEL = "VLLM_LOGGING_LEVEL"
_LEVELS = ["CRITICAL", "DEBUG", "ERROR", "FATAL", "INFO", "NOTSET", "WARN", "WARNING"]
"""The names that Python's logging knows; vLLM gives the level to `dictConfig`, which raises for others."""

_LEVEL_UNLESS = {"VLLM_CONFIGURE_LOGGING": "1", "VLLM_LOGGING_CONFIG_PATH": ""}
"""The variables that switch off or replace vLLM's own logging, with the values that do not."""

_READERS = re.compile(r"os\.(getenv|environ\.get)\(|os\.environ\[")


@dataclass(frozen=True)
class _Source:
    """A file with the variables of a package."""

    place: str
    """Its path from the folder around the package: `vllm/envs.py`."""
    readers: dict[str, ast.expr]
    functions: dict[str, ast.FunctionDef]

    def at(self, node: ast.AST) -> str:
        return f"{self.place}:{getattr(node, 'lineno', 0)}"


def variable_values(package: Path) -> dict[str, dict[str, Any]]:
    """The values of each variable that a package does not read from any text, or reads as off.

    Args:
        package: The folder `vllm` or `vllm_ascend` of an unpacked wheel.
    """
    source = _source(package)
    values = {}
    for name, reader in sorted(source.readers.items()):
        entry = _entry(source, name, reader)
        if entry:
            values[name] = entry
    logger = package / "logger.py"
    if _LEVEL in source.readers and logger.exists():
        values[_LEVEL] = _level(source, logger)
    return dict(sorted(values.items()))


def _source(package: Path) -> _Source:
    file = package / "envs.py"
    readers: dict[str, ast.expr] = {}
    functions: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)):
            continue
        if ast.unparse(node.target) in _TABLES:
            readers.update(_pairs(node.value))
    return _Source(f"{package.name}/envs.py", readers, functions)


def _pairs(table: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Constant):
            yield str(key.value), value


def _entry(source: _Source, name: str, reader: ast.expr) -> dict[str, Any] | None:
    """The values of one variable; None if it accepts any text, or if the function does not show its values."""
    if isinstance(reader, ast.Name):
        return _of_function(source, source.functions[reader.id])
    if isinstance(reader, ast.Call):
        return _of_call(source, name, reader)
    if not isinstance(reader, ast.Lambda):
        return None
    if isinstance(reader.body, ast.Compare):
        return _switch(source, name, reader.body)
    for call in _calls(reader):
        kind = _CONVERSIONS.get(ast.unparse(call.func))
        if kind and _reads(call, name):
            return {"kind": kind, "where": source.at(call)}
    return None


def _of_function(source: _Source, function: ast.FunctionDef) -> dict[str, Any] | None:
    for call in _calls(function):
        kind = _CONVERSIONS.get(ast.unparse(call.func))
        if kind:
            return {"kind": kind, "where": source.at(call)}
    return None


def _of_call(source: _Source, name: str, call: ast.Call) -> dict[str, Any] | None:
    function = ast.unparse(call.func)
    if function == "deprecated_env":
        return _entry(source, name, call.args[-1])
    kind = _WITH_CHOICES.get(function)
    if kind is None:
        return None
    arguments = {keyword.arg: keyword.value for keyword in call.keywords}
    choices = arguments.get("choices")
    if choices is None:
        choices = call.args[2]
    entry: dict[str, Any] = {
        "kind": kind,
        "where": source.at(call),
        "choices": ast.literal_eval(choices),
    }
    sensitive = arguments.get("case_sensitive")
    if sensitive is not None and not ast.literal_eval(sensitive):
        entry["ignores_case"] = True
    return entry


def _switch(
    source: _Source, name: str, comparison: ast.Compare
) -> dict[str, Any] | None:
    """The words that switch a variable on, where every other word leaves it off."""
    text = ast.unparse(comparison.left)
    if not (_READERS.match(text) and _reads(comparison.left, name)):
        return None
    words = ast.literal_eval(comparison.comparators[0])
    if isinstance(comparison.ops[0], ast.Eq):
        words = [words]
    elif not isinstance(comparison.ops[0], ast.In):
        return None
    entry: dict[str, Any] = {
        "kind": "switch",
        "where": source.at(comparison),
        "choices": [*words],
    }
    if text.endswith(".lower()"):
        entry["ignores_case"] = True
    return entry


def _level(source: _Source, logger: Path) -> dict[str, Any]:
    """The levels of the log, which envs.py reads as they are, and logger.py hands on."""
    tree = ast.parse(logger.read_text(encoding="utf-8"))
    configured = next(
        call for call in _calls(tree) if ast.unparse(call.func) == "dictConfig"
    )
    place = source.place.replace("envs.py", "logger.py")
    entry: dict[str, Any] = {
        "kind": "choice",
        "where": f"{place}:{configured.lineno}",
        "choices": _LEVELS,
        "unless": _LEVEL_UNLESS,
    }
    if ast.unparse(source.readers[_LEVEL]).endswith(".upper()"):
        entry["ignores_case"] = True
    return entry


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node


def _reads(node: ast.AST, name: str) -> bool:
    """Whether an expression reads the variable."""
    if not _READERS.search(ast.unparse(node)):
        return False
    return any(
        isinstance(part, ast.Constant) and part.value == name for part in ast.walk(node)
    )
