"""Defaults that differ between two releases: those of the old one are written, so that services stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.engines.flags import plain_name
from models.engines.release import Release
from models.engines.release_changes import release_changes
from models.service.resolved import ResolvedService

_KEYS_OF_SETTINGS = {"cudagraph_mode": "graph.mode"}
"""Keys of the stack file for defaults that are no flags."""

_SECTIONS = ("graph", "speculative", "lora", "multimodal")
"""Keys whose fields belong together: a section that the user writes is left as it is."""


@dataclass(frozen=True)
class Default:
    """A default that differs."""

    key: str
    """The key of the stack file."""
    old: Any
    new: str
    """The default of the new release, in words."""


def differing_defaults(old: ResolvedService, new: ResolvedService) -> Iterator[Default]:
    """The defaults that the service gets from its release, and that the new release has otherwise.

    Args:
        old: The service under the old release.
        new: The service under the new release.
    """
    replaced = _replaced_flags(old, new)
    for change in release_changes(old.release, new.release).defaults:
        key = _key(change.name, old.release, new.release)
        if key is None or change.name in replaced or _is_configured(key, new):
            continue
        origin = old.origins.get(key)
        value = _value(change.old or "")
        if origin and origin.value is not None:
            value = origin.value
        current = new.origins.get(key)
        if current and current.value == value:
            continue
        yield Default(key, value, change.new or "")


def _key(setting: str, old: Release, new: Release) -> str | None:
    """The key of the stack file for a default, or None."""
    for owned in (_KEYS_OF_SETTINGS, new.owned_flags, old.owned_flags):
        if setting in owned:
            return owned[setting]
    return None


def _is_configured(key: str, service: ResolvedService) -> bool:
    section, _, field = key.partition(".")
    if field and section in _SECTIONS:
        return section in service.configured or key in service.configured
    return key in service.configured


def _replaced_flags(old: ResolvedService, new: ResolvedService) -> set[str]:
    """The flags of the new release that replace a flag which the service sets: they keep their defaults."""
    flags = {
        flag for flag, key in old.release.owned_flags.items() if key in old.configured
    }
    replaced = set()
    for flag in flags:
        removed = new.release.removed_flags.get(plain_name(flag))
        if removed and removed.replacement:
            replaced.add(removed.replacement.removeprefix("--"))
    return replaced


def _value(text: str) -> Any:
    """A default as a value: `on` and `off` are true and false."""
    if text in ("on", "off"):
        return text == "on"
    try:
        return json.loads(text)
    except ValueError:
        return text
