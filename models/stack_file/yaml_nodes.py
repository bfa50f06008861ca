"""The nodes of a YAML text, of which plain scalars have no type yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # public, and missing in the stubs
from yaml.resolver import BaseResolver

from models.stack_file.limits import DEEPEST, MOST_VALUES, TooLargeError

YAML = "tag:yaml.org,2002:"
STRING = f"{YAML}str"
"""The tag of a text in quotes."""
PLAIN = "plain"
"""The tag of a scalar without quotes."""
TYPES = frozenset(
    f"{YAML}{kind}"
    for kind in (
        "binary",
        "bool",
        "float",
        "int",
        "map",
        "null",
        "seq",
        "str",
        "timestamp",
    )
)
"""The types of values that a stack file may have."""


def compose(text: str) -> yaml.Node | None:
    """The node of the only document of a text; None if it is empty.

    Raises:
        yaml.YAMLError: The text is not YAML, or is nested too deeply.
        TooLargeError: It has too many values.
    """
    _check_events(text)
    node: yaml.Node | None = _Composer(text).get_single_node()
    return node


MAPPING_AS_KEY = "a key is a mapping"
"""The message about such a key. YAML reads `{{ … }}` of a template as a mapping with a mapping as its key."""


def key_problem(key: yaml.Node) -> str:
    """The message about a key that is not a scalar."""
    return MAPPING_AS_KEY if isinstance(key, yaml.MappingNode) else "a key is a list"


def is_merge(key: yaml.Node) -> bool:
    """Whether a key merges other mappings: `<<`."""
    return isinstance(key, yaml.ScalarNode) and key.value == "<<"


def merge_parents(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    """The nodes that a mapping merges."""
    for key, value in node.value:
        if not is_merge(key):
            continue
        if isinstance(value, yaml.SequenceNode):
            yield from value.value
        else:
            yield value


def key_text(value: Any) -> str:
    """A key as Pulumi reads it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def type_name(value: Any) -> str:
    """The name of a scalar's type in a tag of YAML."""
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(
        type(value), "null"
    )


def too_many_values() -> str:
    """The message about a file with too many values."""
    return f"the file has more than {MOST_VALUES} keys and values, those of its aliases included"


def _check_events(text: str) -> None:
    """Refuse a text with too many values, or one so deeply nested that composing it would exhaust the stack.

    Raises:
        TooLargeError: It has too many values.
    """
    parser = _Composer(text)
    depth = 0
    events = 0
    while parser.check_event():
        event: Any = parser.get_event()
        events += 1
        if events > 3 * MOST_VALUES:  # a mapping has a start, an end and a key
            raise TooLargeError(too_many_values())
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > 10 * DEEPEST:
            raise yaml.MarkedYAMLError(
                problem="nested too deeply", problem_mark=event.start_mark
            )


class _Composer(CParser, BaseResolver):
    """Composes nodes and leaves plain scalars untyped, since YAML 1.1's types are not the engine's."""

    def __init__(self, stream: str) -> None:
        CParser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[yaml.Node], _value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else STRING
        return f"{YAML}seq" if kind is yaml.SequenceNode else f"{YAML}map"
