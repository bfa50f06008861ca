"""Kubernetes objects as flat mappings, so that whatever differs is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Leaves = dict[str, str]
"""The values of an object by their paths, as `spec.containers[ascend-vllm].image`."""


def leaves(value: Any) -> Leaves:
    """The values below a mapping; items of lists go by their names, where they have one."""
    return dict(_walk(value, ""))


def differing(old: Leaves, new: Leaves) -> Iterator[tuple[str, str | None, str | None]]:
    """The paths whose values differ, with the values on both sides; None where there is none."""
    for path in dict.fromkeys([*old, *new]):
        before, after = old.get(path), new.get(path)
        if before != after:
            yield path, before, after


def leaf_name(path: str) -> str:
    """The name of a value in an object: its key, or the name of the list item whose value it is.

    `spec.containers[a].env[HF_TOKEN].value` → `HF_TOKEN`, `metadata.annotations.example.com/api-token` → `api-token`.
    """
    item = re.search(r"\[([^\]]*[^\]0-9][^\]]*)\](?:\.value)?$", path)
    if item:
        return item[1]
    return re.split(r"[./](?=[^./]*$)", path)[-1]


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            name = item.get("name", index) if isinstance(item, dict) else index
            yield from _walk(item, f"{path}[{name}]")
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value in ({}, []) else str(value)
