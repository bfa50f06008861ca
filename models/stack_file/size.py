"""The size of a YAML file with its aliases written out. It is checked before a value is searched for credentials."""

from __future__ import annotations

import yaml

from models.stack_file.limits import (
    DEEPEST,
    LONGEST_KEY,
    MOST_CHARACTERS,
    MOST_VALUES,
    TooLargeError,
)
from models.stack_file.yaml_nodes import is_merge, merge_parents, too_many_values


def check_size(node: yaml.Node) -> None:
    """Refuse a file with too many values or with too many characters of values.

    Args:
        node: The node of the whole file. Its aliases are followed up to the limits.

    Raises:
        TooLargeError: It has more than a stack file may have.
    """
    _Count().add(node)


def check_key(key: yaml.Node) -> None:
    """Refuse a key that is too long.

    Raises:
        TooLargeError: It has more characters than a key may have.
    """
    if isinstance(key, yaml.ScalarNode) and len(key.value) > LONGEST_KEY:
        raise TooLargeError(
            f"a key has {len(key.value)} characters; it may have {LONGEST_KEY}"
        )


class _Count:
    """Counts what is read: neither an anchor in itself nor a value that is nested too deeply."""

    def __init__(self) -> None:
        self.values = 0
        self.characters = 0
        self.open: set[int] = set()

    def add(self, node: yaml.Node) -> None:
        self.values += 1
        if self.values > MOST_VALUES:
            raise TooLargeError(too_many_values())
        if isinstance(node, yaml.ScalarNode):
            self.add_characters(node)
            return
        if id(node) in self.open or len(self.open) > DEEPEST:
            return
        self.open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self.add_mapping(node)
        else:
            for item in node.value:
                self.add(item)
        self.open.discard(id(node))

    def add_mapping(self, node: yaml.MappingNode) -> None:
        for key, value in node.value:
            if not is_merge(key):
                check_key(key)
                self.add(key)
                self.add(value)
        for parent in merge_parents(node):
            if isinstance(parent, yaml.MappingNode):
                self.add(parent)

    def add_characters(self, node: yaml.ScalarNode) -> None:
        self.characters += len(node.value)
        if self.characters > MOST_CHARACTERS:
            raise TooLargeError(
                f"the values of the file have more than {MOST_CHARACTERS} characters, those of its aliases included"
            )
