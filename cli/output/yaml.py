"""Kubernetes objects as YAML, readable for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml


def yaml_documents(objects: Sequence[dict[str, Any]]) -> str:
    """Objects as one YAML stream. Texts of several lines are written as blocks."""
    return yaml.dump_all(
        objects,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=1000,
        explicit_start=True,
    )


_RARE_LINE_BREAKS = ("\x85", "\u2028", "\u2029")
"""Characters that are line breaks for PyYAML: without double quotes, they are read as spaces."""


class _Dumper(yaml.SafeDumper):
    """Writes a value that occurs twice in full, without anchors."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if any(line_break in text for line_break in _RARE_LINE_BREAKS):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
