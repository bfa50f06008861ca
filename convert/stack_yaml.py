"""Writes stack files and base files: YAML that Pulumi and Python read alike, in the style of this project."""

from __future__ import annotations

import re
from typing import Any

import yaml

from convert.minimal import Values
from models.yaml_scalar import plain_scalar

SCHEMA = "# yaml-language-server: $schema=./schema/stack.schema.json\n"
"""The first line, which names the schema for editors."""

BASE_SCHEMA = (
    "# yaml-language-server: $schema=./schema/services.schema.json\n"
    "# The services of all stacks; a stack file overrides them by name and field, null removes.\n"
)
"""The first lines of a base file."""

_WIDTH = 120
_LONGEST_FLOW = 100
"""The longest mapping on one line, in characters of its Python form."""
_PLAIN = re.compile(r"[\w./-][\w ./:@+=-]*", re.ASCII)
_NO_CONTROL_CHARACTERS = re.compile(
    r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*"
)


def stack_text(
    cluster: Values,
    services: Values | None,
    prefix: str = "ascend-vllm",
    base: str = "",
    kv_transfer: Values | None = None,
) -> str:
    """The text of a stack file.

    Args:
        cluster: The keys of the cluster.
        services: The services by name; None if the stack has those of its base file.
        prefix: The name of the project.
        base: The base file; empty for none.
        kv_transfer: The pair of services for prefill and decode; empty or None for none.
    """
    config: Values = {f"{prefix}:cluster": cluster}
    if base:
        config[f"{prefix}:base"] = base
    if kv_transfer:
        config[f"{prefix}:kvTransfer"] = kv_transfer
    if services is not None:
        config[f"{prefix}:services"] = services
    return SCHEMA + _yaml({"config": config})


def base_text(services: Values) -> str:
    """The text of a base file with services by name."""
    return BASE_SCHEMA + _yaml({"services": services})


def _yaml(value: Values) -> str:
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=False,
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Writes small mappings on one line, text of several lines as a block, and text that looks like a number quoted."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _mapping(dumper: _Dumper, value: Values) -> yaml.MappingNode:
    node = dumper.represent_mapping(
        "tag:yaml.org,2002:map",
        value.items(),
        flow_style=_fits_on_one_line(value),
    )
    for key, _ in node.value:
        if key.tag.endswith(":str"):
            key.style = _style(key.value)
    return node


def _fits_on_one_line(value: Values) -> bool:
    """Whether a mapping is short, and contains neither a mapping with keys nor text of several lines."""
    if len(str(value)) >= _LONGEST_FLOW:
        return False
    for item in value.values():
        has_keys = isinstance(item, dict) and bool(item)
        if has_keys or "\n" in str(item):
            return False
    return True


def _list(dumper: _Dumper, value: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """The style of a text: `|` for a block, `"` for quotes, None for plain text."""
    if "\n" in text:
        is_block = text.isprintable() or _NO_CONTROL_CHARACTERS.fullmatch(text)
        return "|" if is_block else '"'
    if plain_scalar(text) != text:
        return '"'
    looks_like_key = ": " in text or text.endswith((":", " "))
    if looks_like_key or not _PLAIN.fullmatch(text):
        return '"'
    return None


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(str, _text)
