"""The differences between two engine releases: defaults, flags, metrics and fields of requests. Used by `diff`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.engines.flags import plain_name
from models.engines.release import Release
from models.engines.requests import Kind

_KINDS = (Kind.CHAT, Kind.COMPLETE)
_OF_EVERY_LAUNCH = ("model",)
"""Flags that every launch has, so that their default does not matter."""


@dataclass(frozen=True)
class ValueChange:
    """A default or the name of a metric in two releases."""

    name: str
    """The flag with the default, or the use of the metric."""
    old: str | None
    new: str | None
    """None: the release has none."""


@dataclass(frozen=True)
class RemovedName:
    """A flag that the new release does not have."""

    name: str
    replacement: str | None
    """The flag that replaces it, or None."""
    why: str
    """The reason for its removal; may be empty."""


@dataclass(frozen=True)
class ReleaseChanges:
    """The differences between two releases."""

    old: str
    new: str
    """The versions."""
    defaults: tuple[ValueChange, ...]
    removed_flags: tuple[RemovedName, ...]
    added_flags: tuple[str, ...]
    metrics: tuple[ValueChange, ...]
    removed_fields: tuple[str, ...]
    """Fields of requests."""
    added_fields: tuple[str, ...]
    removed_fields_why: str
    """The behaviour of the new release for a field that it does not have."""


def release_changes(old: Release, new: Release) -> ReleaseChanges:
    """Compare two releases."""
    old_fields = _request_fields(old)
    new_fields = _request_fields(new)
    return ReleaseChanges(
        old=old.version,
        new=new.version,
        defaults=tuple(_defaults(old, new)),
        removed_flags=tuple(_removed_flags(old, new)),
        added_flags=tuple(sorted(new.flags.keys() - old.flags.keys())),
        metrics=tuple(_value_changes(old.metric_names, new.metric_names)),
        removed_fields=tuple(sorted(old_fields - new_fields)),
        added_fields=tuple(sorted(new_fields - old_fields)),
        removed_fields_why=new.request_fields[Kind.CHAT].unknown_why,
    )


def _defaults(old: Release, new: Release) -> Iterator[ValueChange]:
    """The defaults that differ. A default that only one release has, or that it computes, is left out."""
    for change in _value_changes(_default_texts(old), _default_texts(new)):
        if change.old is not None and change.new is not None:
            yield change


def _default_texts(release: Release) -> dict[str, str]:
    texts = {}
    for name, flag in release.flags.items():
        if flag.default not in (None, []) and name not in _OF_EVERY_LAUNCH:
            texts[name] = _text(flag.default)
    for name, value in release.effective_defaults.items():
        texts[name] = _text(value)
    return texts


def _text(value: Any) -> str:
    """A default in words: `on` and `off` for a switch."""
    if value is True:
        return "on"
    if value is False:
        return "off"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _value_changes(
    old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[ValueChange]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield ValueChange(name, old.get(name), new.get(name))


def _removed_flags(old: Release, new: Release) -> Iterator[RemovedName]:
    for name in sorted(old.flags.keys() - new.flags.keys()):
        removed = new.removed_flags.get(plain_name(name))
        if removed is None:
            yield RemovedName(name, None, "")
        else:
            yield RemovedName(name, removed.replacement, removed.why)


def _request_fields(release: Release) -> set[str]:
    fields: set[str] = set()
    for kind in _KINDS:
        fields |= release.request_fields[kind].accepted
    return fields
