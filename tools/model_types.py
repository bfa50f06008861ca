"""The types of models that a release of vLLM loads, from files of vLLM and transformers, without importing them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from models.engines.model_types import plain_type
from tools.wheel_facts import assignments, parsed

_REMOVED = "_PREVIOUSLY_SUPPORTED_MODELS"
_ELSEWHERE = "_OOT_SUPPORTED_MODELS"
"""Tables of vLLM's registry with architectures that it refuses."""

_SUFFIXES = (
    r"(ForCausalLM|ForConditionalGeneration|ForSequenceClassification|LMHeadModel)$",
    r"(ChatModel|ForTokenClassification|ForRewardModel)$",
    r"_?Model$",
)
"""The ends of an architecture's name that the type of the model does not have."""

_MODEL_CLASSES = re.compile(r"MODEL_\w*MAPPING_NAMES")


def model_types(
    package: Path, plugin: Path | None, transformers: Path
) -> dict[str, Any]:
    """The types of models by what a release does with them.

    Args:
        package: The folder `vllm` of an unpacked wheel.
        plugin: The folder `vllm_ascend` of an unpacked wheel; None if there is no wheel.
        transformers: The folder `transformers` of the version in the images.

    Returns:
        The version of transformers, the types whose config.json can be read, those whose architecture vLLM has, and
        those whose architecture it had.
    """
    registry = package / "model_executor/models/registry.py"
    architectures = set(_architectures(registry))
    if plugin:
        architectures |= set(_registered(plugin / "models/__init__.py"))
    removed = _keys(dict(assignments(registry))[_REMOVED])
    own = set(_own_types(package))
    classes = _classes(transformers)
    return {
        "transformers": _version(transformers),
        "readable": sorted(own | set(_config_types(transformers))),
        "loaded": sorted(_types_of(architectures, classes) | set(map(plain_type, own))),
        "removed": sorted(_types_of(removed, classes)),
    }


def _types_of(architectures: Iterable[str], classes: dict[str, set[str]]) -> set[str]:
    """The types of architectures: by transformers' own tables, and by the name of the architecture."""
    found = set()
    for architecture in architectures:
        found.add(plain_type(architecture))
        for suffix in _SUFFIXES:
            found.add(plain_type(re.sub(suffix, "", architecture)))
        found |= {plain_type(name) for name in classes.get(architecture, ())}
    return found


def _architectures(registry: Path) -> Iterator[str]:
    """The architectures in vLLM's registry."""
    for name, value in assignments(registry):
        if not name.endswith("_MODELS") or name in (_REMOVED, _ELSEWHERE):
            continue
        if isinstance(value, ast.Dict):
            yield from _keys(value)


def _registered(file: Path) -> Iterator[str]:
    """The architectures that the plugin registers with `ModelRegistry.register_model(NAME, …)`."""
    if not file.exists():
        return
    for node in ast.walk(parsed(file)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.args[0]
        is_registration = ast.unparse(node.func).endswith(".register_model")
        if is_registration and isinstance(name, ast.Constant):
            yield str(name.value)


def _own_types(package: Path) -> Iterator[str]:
    """The types whose config.json vLLM reads with its own classes."""
    config = package / "transformers_utils/config.py"
    classes = dict(assignments(config))["_CONFIG_REGISTRY"]
    if not isinstance(classes, ast.Call):
        raise TypeError("config.py: the classes of configurations are not a mapping")
    for keyword in classes.keywords:
        if keyword.arg:
            yield keyword.arg
        else:
            yield from _keys(keyword.value)


def _config_types(transformers: Path) -> Iterator[str]:
    """The types whose config.json transformers reads."""
    for file in _automatic(transformers):
        for name, value in assignments(file):
            if name == "CONFIG_MAPPING_NAMES":
                yield from (kind for kind, _ in _pairs(value))


def _classes(transformers: Path) -> dict[str, set[str]]:
    """The types of models by the class that transformers has for them."""
    types: dict[str, set[str]] = defaultdict(set)
    for file in _automatic(transformers):
        for name, value in assignments(file):
            if not _MODEL_CLASSES.fullmatch(name):
                continue
            for kind, classes in _pairs(value):
                for constant in _constants(classes):
                    types[constant].add(kind)
    return types


def _automatic(transformers: Path) -> Iterator[Path]:
    """The files of transformers with its tables of models. Not every version has all of them."""
    for name in ("configuration_auto.py", "auto_mappings.py", "modeling_auto.py"):
        file = transformers / "models/auto" / name
        if file.exists():
            yield file


def _pairs(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The pairs `("type", …)` of a table."""
    for node in ast.walk(value):
        if not isinstance(node, ast.Tuple) or len(node.elts) != 2:
            continue
        kind, classes = node.elts
        if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
            yield kind.value, classes


def _constants(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _keys(value: ast.expr) -> list[str]:
    if not isinstance(value, ast.Dict):
        raise TypeError("a table of models is not a mapping")
    return [str(key.value) for key in value.keys if isinstance(key, ast.Constant)]


def _version(transformers: Path) -> str:
    version = dict(assignments(transformers / "__init__.py"))["__version__"]
    if not isinstance(version, ast.Constant):
        raise TypeError("__init__.py: the version is not a text")
    return str(version.value)
