"""The differences between two engine releases: defaults, flags, metrics and fields of requests. Used by `diff`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.engines.flags import plain_name
from models.engines.release import NameKind, Release
from models.engines.requests import Kind

_KINDS = (Kind.CHAT, Kind.COMPLETE)
_OFF = "off"
_OF_EVERY_LAUNCH = ("model",)
"""Flags that every launch has, so that their default does not matter."""


@dataclass(frozen=True)
class ValueChange:
    """A default or the name of a metric in two releases."""

    name: str
    """The flag with the default, or the use of the metric."""
    old: str | None
    new: str | None
    """None: the release has no such metric, or the engine chooses the value."""


@dataclass(frozen=True)
class RemovedName:
    """A flag, a setting or a metric that the new release does not have."""

    name: str
    replacement: str | None
    """What replaces it, or None."""
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
    """The metrics that alerts, drain and benchmark use."""
    removed_keys: tuple[RemovedName, ...]
    """Keys of `additionalConfig` that the new release does not read."""
    removed_variables: tuple[RemovedName, ...]
    """Variables that the new release does not read."""
    removed_metrics: tuple[RemovedName, ...]
    """All metrics that the new release does not report."""
    removed_fields: tuple[str, ...]
    """Fields of requests."""
    added_fields: tuple[str, ...]
    field_limits: tuple[ValueChange, ...]
    """Limits on fields of requests that both releases have. None: the release has no limit."""
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
        removed_keys=tuple(_removed_names(old, new, "key")),
        removed_variables=tuple(_removed_names(old, new, "variable")),
        removed_metrics=tuple(_removed_names(old, new, "metric")),
        removed_fields=tuple(sorted(old_fields - new_fields)),
        added_fields=tuple(sorted(new_fields - old_fields)),
        field_limits=tuple(_field_limits(old, new)),
        removed_fields_why=new.request_fields[Kind.CHAT].unknown_why,
    )


def _defaults(old: Release, new: Release) -> Iterator[ValueChange]:
    """The defaults that differ, of the flags that both releases have. A switch without a default is off."""
    for change in _value_changes(_default_texts(old), _default_texts(new)):
        is_known = change.old is not None and change.new is not None
        is_in_both = change.name in old.flags and change.name in new.flags
        is_off = {change.old, change.new} == {None, _OFF}
        if is_known or (is_in_both and not is_off):
            yield change


def _default_texts(release: Release) -> dict[str, str]:
    texts = {}
    for name, flag in release.flags.items():
        if flag.default not in (None, [], {}) and name not in _OF_EVERY_LAUNCH:
            texts[name] = _text(flag.default)
    for name, value in release.effective_defaults.items():
        texts[name] = _text(value)
    return texts


def _text(value: Any) -> str:
    """A default in words: `on` and `off` for a switch."""
    if value is True:
        return "on"
    if value is False:
        return _OFF
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


def _removed_names(old: Release, new: Release, kind: NameKind) -> Iterator[RemovedName]:
    """The names of a kind that the old release reads or reports and the new one does not, as far as both are known."""
    names = set()
    for name, unread in new.unread_names.items():
        is_new = name not in old.unread_names
        if is_new and unread.kind == kind and old.version in unread.read_in:
            names.add(name)
    if kind in old.read_names and kind in new.read_names:
        names |= old.read_names[kind] - new.read_names[kind]
    for name in sorted(names):
        unread_name = new.unread_names.get(name)
        replacement = unread_name.replacement if unread_name else None
        yield RemovedName(name, replacement, "")


def _field_limits(old: Release, new: Release) -> Iterator[ValueChange]:
    common = _request_fields(old) & _request_fields(new)
    for change in _value_changes(old.request_limits, new.request_limits):
        if change.name in common:
            yield change


def _request_fields(release: Release) -> set[str]:
    fields: set[str] = set()
    for kind in _KINDS:
        fields |= release.request_fields[kind].accepted
    return fields
