"""Merge patches (RFC 7386)."""

from __future__ import annotations

from typing import Any


def merge(base: Any, patch: Any) -> Any:
    """A value changed by a merge patch (RFC 7386): mappings key by key, null removes, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
