"""The words for the changes that another engine release brings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.output.table import columns
from models.engines.release_changes import ReleaseChanges, RemovedName, ValueChange
from models.words import counted
from review.changes import ReleaseUpdate

_MOST_NAMES = 12
_NO_LIMIT = "no limit"
_OF_ENGINE = "chosen by the engine"
"""A default that the parser does not have."""


def release_lines(update: ReleaseUpdate) -> Iterator[str]:
    """One line for each default, metric and group of flags or fields."""
    changes = update.changes
    services = ", ".join(update.services)
    yield f"~ vLLM {changes.old} → {changes.new} itself changes ({services})"
    rows = []
    for name, value in _rows(changes):
        rows.append((f"    {name}", value))
    yield from columns(rows)


def release_json(update: ReleaseUpdate) -> dict[str, Any]:
    """The changes for programs, without shortening."""
    changes = update.changes
    return {
        "old": changes.old,
        "new": changes.new,
        "services": list(update.services),
        "defaults": [_value_json(change) for change in changes.defaults],
        "removedFlags": [
            {"flag": flag.name, "replacement": flag.replacement, "why": flag.why}
            for flag in changes.removed_flags
        ],
        "addedFlags": list(changes.added_flags),
        "metrics": [_value_json(change) for change in changes.metrics],
        "removedKeys": [_name_json(name) for name in changes.removed_keys],
        "removedVariables": [_name_json(name) for name in changes.removed_variables],
        "removedMetrics": [_name_json(name) for name in changes.removed_metrics],
        "removedRequestFields": list(changes.removed_fields),
        "addedRequestFields": list(changes.added_fields),
        "requestLimits": [_value_json(change) for change in changes.field_limits],
    }


def _rows(changes: ReleaseChanges) -> Iterator[tuple[str, str]]:
    for default in changes.defaults:
        yield f"default of {default.name}", _default_arrow(default)
    yield from _removed_flags(changes)
    if changes.added_flags:
        yield "new flags", counted(len(changes.added_flags), "flag")
    for metric in changes.metrics:
        yield f"metric: {metric.name.replace('_', ' ')}", _arrow(metric)
    yield from _removed_names(changes)
    if changes.removed_fields:
        yield "request fields removed", _some(changes.removed_fields)
        yield "a removed request field", changes.removed_fields_why
    if changes.added_fields:
        yield "request fields added", _some(changes.added_fields)
    for limit in changes.field_limits:
        yield f"limit of request field {limit.name}", _limit_arrow(limit)


def _removed_flags(changes: ReleaseChanges) -> Iterator[tuple[str, str]]:
    """The removed flags in groups, by the flag that replaces them."""
    groups: dict[str, list[str]] = {}
    for flag in changes.removed_flags:
        title = "flags removed"
        if flag.replacement:
            title = f"replaced by --{flag.replacement}"
        groups.setdefault(title, []).append(f"--{flag.name}")
    for title in sorted(groups, key=lambda title: title != "flags removed"):
        yield title, _some(groups[title])


def _removed_names(changes: ReleaseChanges) -> Iterator[tuple[str, str]]:
    """The settings and metrics that the new release does not have, without the metrics that have their own line."""
    shown = {metric.old for metric in changes.metrics}
    others = [name for name in changes.removed_metrics if name.name not in shown]
    groups = {
        "additionalConfig no longer read": changes.removed_keys,
        "variables no longer read": changes.removed_variables,
        "metrics removed": others,
    }
    for title, names in groups.items():
        if names:
            replaced_first = sorted(names, key=lambda name: name.replacement is None)
            yield title, _some([_with_replacement(name) for name in replaced_first])


def _with_replacement(name: RemovedName) -> str:
    if name.replacement is None:
        return name.name
    return f"{name.name} (now {name.replacement})"


def _default_arrow(change: ValueChange) -> str:
    old = change.old or _OF_ENGINE
    new = change.new or _OF_ENGINE
    return f"{old} → {new}"


def _limit_arrow(change: ValueChange) -> str:
    old = change.old or _NO_LIMIT
    new = change.new or _NO_LIMIT
    return f"{old} → {new}"


def _arrow(change: ValueChange) -> str:
    if change.old is None:
        return f"+ {change.new}"
    if change.new is None:
        return f"- {change.old}"
    return f"{change.old} → {change.new}"


def _some(names: tuple[str, ...] | list[str]) -> str:
    """The first names, and the number of the others."""
    shown = ", ".join(names[:_MOST_NAMES])
    hidden = len(names) - _MOST_NAMES
    if hidden > 0:
        shown += f" and {hidden} more"
    return shown


def _name_json(name: RemovedName) -> dict[str, str | None]:
    return {"name": name.name, "replacement": name.replacement}


def _value_json(change: ValueChange) -> dict[str, str | None]:
    return {"name": change.name, "old": change.old, "new": change.new}
