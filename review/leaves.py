"""Kubernetes objects as flat mappings from paths to values, so that a comparison misses nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Leaves = dict[str, str]
"""The values of an object by their paths, such as `spec.containers[ascend-vllm].image`."""

_ITEM_NAME = re.compile(r"\[([^\]]*[^\]0-9][^\]]*)\](?:\.value)?$")
_LAST_SEPARATOR = re.compile(r"[./](?=[^./]*$)")


def leaves(value: Any) -> Leaves:
    """All values below a mapping. The path of a list item has its name or, without a name, its index."""
    return dict(_walk(value, ""))


def differing(old: Leaves, new: Leaves) -> Iterator[tuple[str, str | None, str | None]]:
    """Each path whose value differs, with the old and the new value. None: there is no value."""
    for path in dict.fromkeys([*old, *new]):
        before = old.get(path)
        after = new.get(path)
        if before != after:
            yield path, before, after


def leaf_name(path: str) -> str:
    """The name of the value at a path: its key, or the name of the list item that it belongs to.

    `spec.containers[a].env[HF_TOKEN].value` → `HF_TOKEN`, `metadata.annotations.example.com/api-token` → `api-token`.
    """
    item = _ITEM_NAME.search(path)
    if item:
        return item[1]
    return _LAST_SEPARATOR.split(path)[-1]


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            item_path = str(key)
            if path:
                item_path = f"{path}.{key}"
            yield from _walk(item, item_path)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            name = _item_name(item, index)
            item_path = f"{path}[{name}]"
            yield from _walk(item, item_path)
    else:
        yield path, _text(value)


def _item_name(item: Any, index: int) -> Any:
    if isinstance(item, dict):
        return item.get("name", index)
    return index


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value in ({}, []):
        return ""
    return str(value)
