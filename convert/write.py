"""The text of a stack file: values as the engine reads them, in the style of the files of this project."""

from __future__ import annotations

import re
from typing import Any

import yaml

from models.stack_file.yaml_scalar import plain_scalar

SCHEMA = "# yaml-language-server: $schema=./schema/stack.schema.json\n"
"""The first line, for editors."""

_WIDTH = 120
_SAFE = re.compile(r"[\w./-][\w ./:@+=-]*", re.ASCII)


def stack_text(cluster: dict[str, Any], services: dict[str, Any], prefix: str = "ascend-vllm") -> str:
    """The text of a stack file.

    Args:
        cluster: The keys of the cluster.
        services: The services by name.
        prefix: The project's name.
    """
    config = {f"{prefix}:cluster": cluster, f"{prefix}:services": services}
    body = yaml.dump(
        {"config": config}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False
    )
    return SCHEMA + body


class _Dumper(yaml.SafeDumper):
    """Small mappings on one line, texts of several lines as blocks, and nothing that Go's reader takes for a number."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _mapping(dumper: _Dumper, value: dict[str, Any]) -> yaml.MappingNode:
    small = all(not isinstance(item, dict) or not item for item in value.values())
    line = len(str(value)) < _WIDTH - 20 and not any("\n" in str(item) for item in value.values())
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=small and line)
    for key, _ in node.value:
        key.style = _style(key.value) if key.tag.endswith(":str") else key.style
    return node


def _list(dumper: _Dumper, value: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """How a text is written so that Go's reader and Python's read it alike."""
    if "\n" in text:
        return (
            "|"
            if text.isprintable() or re.fullmatch(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*", text)
            else '"'
        )
    if plain_scalar(text) is not text and plain_scalar(text) != text:
        return '"'
    return None if _SAFE.fullmatch(text) and ": " not in text and not text.endswith((":", " ")) else '"'


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(str, _text)
