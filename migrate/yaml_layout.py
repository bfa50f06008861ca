"""The reader and writer of a stack file that keeps its layout: indentation, quotes and long lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

_WIDTH = 10_000
"""Characters of the longest line that is not wrapped."""

_DEFAULT_INDENTATION = 2

_KEY_BELOW_CONFIG = re.compile(
    r"^config:[^\n]*\n"  # the key
    r"(?:\s*(?:#[^\n]*)?\n)*"  # empty lines and comments
    r"( +)",  # the indentation of the first key below it
    re.MULTILINE,
)

_LIST_BELOW_KEY = re.compile(
    r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n"  # a key without a value in its line
    r"( *)- ",  # the dash of the first item
    re.MULTILINE,
)


def yaml_of(text: str) -> YAML:
    """A reader and writer with the layout of a text."""
    dash_offset = _offset_of_dashes(text)
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(
        mapping=_indentation(text), sequence=dash_offset + 2, offset=dash_offset
    )
    return yaml


def line_end_of(text: str) -> str:
    """The line end that most lines of a text have: that of Windows, or of everything else."""
    of_windows = text.count("\r\n")
    return "\r\n" if of_windows * 2 > text.count("\n") else "\n"


def inline(value: Any) -> Any:
    """A value that can be edited further. A new mapping is written in one line."""
    if isinstance(value, CommentedMap) or not isinstance(value, Mapping):
        return value
    mapping = empty_inline()
    for key, item in value.items():
        mapping[key] = inline(item)
    return mapping


def empty_inline() -> CommentedMap:
    """A new mapping that is written in one line."""
    mapping = CommentedMap()
    mapping.fa.set_flow_style()
    return mapping


def _indentation(text: str) -> int:
    """Spaces by which a text indents a mapping."""
    match = _KEY_BELOW_CONFIG.search(text)
    if match is None:
        return _DEFAULT_INDENTATION
    return len(match[1])


def _offset_of_dashes(text: str) -> int:
    """Spaces by which a text indents the dashes of a list."""
    match = _LIST_BELOW_KEY.search(text)
    if match is None:
        return 0
    key_indentation = len(match[1])
    dash_indentation = len(match[2])
    return max(dash_indentation - key_indentation, 0)


class _Representer(RoundTripRepresenter):
    """Writes `null` where ruamel.yaml would write nothing."""

    def represent_null(self, _: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_null)
