"""Comments that stay where they are when a key is added or removed.

ruamel.yaml keeps the comment lines below a value with that value, although they are about the next one. So a key that
is added after it takes them over, and a key that is removed leaves them to the one before it.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

_AFTER_VALUE = 2
"""Place of the comment after a value among the comments of a key."""


def put(mapping: CommentedMap, key: str, value: Any) -> None:
    """Set a key. The comment lines below the last value come after a new key."""
    below = ""
    if key not in mapping:
        below = _take_lines_below_last(mapping)
    mapping[key] = value
    if below:
        _add_lines_below(mapping, key, below)


def take_out(mapping: CommentedMap, key: str) -> None:
    """Remove a key. The comment lines below it stay; a comment behind its value goes with it."""
    if key not in mapping:
        return
    below = _take_lines_below(mapping, key)
    keys = list(mapping)
    index = keys.index(key)
    # ruamel.yaml deletes the key, and then looks for it in the wrong place of mappings that merge this one.
    with contextlib.suppress(KeyError):
        del mapping[key]
    mapping.ca.items.pop(key, None)
    if below and index > 0:
        _add_lines_below(mapping, keys[index - 1], below)
    elif below and mapping:
        _add_lines_above_first(mapping, below)


def _take_lines_below_last(mapping: CommentedMap) -> str:
    """Take the comment lines below the last value of a mapping away from it."""
    if not mapping or mapping.fa.flow_style():
        return ""
    return _take_lines_below(mapping, list(mapping)[-1])


def _take_lines_below(collection: CommentedMap | CommentedSeq, key: Any) -> str:
    """Take the comment lines below a value away from it; they are with its last leaf."""
    value = collection[key]
    is_block = (
        isinstance(value, CommentedMap | CommentedSeq) and not value.fa.flow_style()
    )
    if is_block and value:
        last = list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1
        return _take_lines_below(value, last)
    place = _AFTER_VALUE if isinstance(collection, CommentedMap) else 0
    comments = collection.ca.items.get(key)
    token = comments[place] if comments and len(comments) > place else None
    if token is None:
        return ""
    behind, _, below = token.value.partition("\n")
    if not below.strip():
        return ""
    token.value = f"{behind}\n"
    if not behind:
        comments[place] = None
    return str(below)


def _add_lines_below(mapping: CommentedMap, key: str, lines: str) -> None:
    """Add comment lines below the last leaf of a value."""
    value = mapping[key]
    is_block = isinstance(value, CommentedMap) and not value.fa.flow_style()
    if is_block and value:
        _add_lines_below(value, list(value)[-1], lines)
        return
    comments = mapping.ca.items.setdefault(key, [None, None, None, None])
    token = comments[_AFTER_VALUE]
    if token is None:
        comments[_AFTER_VALUE] = CommentToken(f"\n{lines}", CommentMark(0), None)
    else:
        token.value += lines


def _add_lines_above_first(mapping: CommentedMap, lines: str) -> None:
    """Add comment lines above the first key of a mapping."""
    text = "\n".join(
        line.strip().removeprefix("#").strip() for line in lines.splitlines()
    )
    mapping.yaml_set_comment_before_after_key(next(iter(mapping)), before=text)
