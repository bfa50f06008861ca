"""Defaults that differ between two releases. The old values are written, so that services do not change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.engines.flags import Flag, plain_name
from models.engines.model_server import extra_argument
from models.engines.release import Release
from models.engines.release_changes import release_changes
from models.service.resolved import ResolvedService

_GRAPH_MODE = "graph.mode"
_GRAPH_SETTING = "cudagraph_mode"
"""The name of the mode of graphs among the defaults of a release. It is no flag."""

_SECTIONS = ("speculative", "lora", "multimodal")
"""Keys whose fields belong together: a section that the user writes is not changed."""

_NOT_COMPARED = ("engine.version", "engine.extraArgs")
"""Fields of the engine that have no default."""


@dataclass(frozen=True)
class Default:
    """A default that differs."""

    key: str
    """The key of the stack file."""
    old: Any
    """None if the old release chooses it itself."""
    new: str
    """The default of the new release, in words."""


def differing_defaults(old: ResolvedService, new: ResolvedService) -> Iterator[Default]:
    """The defaults of the service that differ in the new release.

    Args:
        old: The service under the old release.
        new: The service under the new release.
    """
    yield from _defaults_of_keys(old, new)
    yield from _default_graph_mode(old, new)
    yield from _defaults_of_further_flags(old, new)
    yield from _derived_values(old, new)


def words(default: Any) -> str:
    """A default in words."""
    if default is None:
        return "chosen by the engine"
    if isinstance(default, str):
        return default
    return json.dumps(default, ensure_ascii=False)


def _defaults_of_keys(old: ResolvedService, new: ResolvedService) -> Iterator[Default]:
    """The defaults of flags with a key."""
    replaced = _replaced_flags(old, new)
    for change in release_changes(old.release, new.release).defaults:
        key = _key(change.name, old.release, new.release)
        if key is None or change.name in replaced:
            continue
        if key in old.configured or _is_configured(key, new):
            continue
        origin = old.origins.get(key)
        value = _value(change.old or "")
        if origin and origin.value is not None:
            value = origin.value
        current = new.origins.get(key)
        if current and current.value == value:
            continue
        yield Default(key, value, change.new or "")


def _key(flag: str, old: Release, new: Release) -> str | None:
    """The key of the stack file for a flag, or None."""
    for owned in (new.owned_flags, old.owned_flags):
        if flag in owned:
            return owned[flag]
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


def _default_graph_mode(
    old: ResolvedService, new: ResolvedService
) -> Iterator[Default]:
    """The mode of graphs, unless the service has none or names it."""
    captures = new.origins["graph.kind"].value == "cann"
    if not captures or _GRAPH_MODE in old.configured | new.configured:
        return
    before = old.release.effective_defaults.get(_GRAPH_SETTING)
    after = new.release.effective_defaults.get(_GRAPH_SETTING)
    if before != after:
        yield Default(_GRAPH_MODE, before, words(after))


def _defaults_of_further_flags(
    old: ResolvedService, new: ResolvedService
) -> Iterator[Default]:
    """The defaults of flags without a key. Lists are left out: a list with no words cannot be written."""
    for name, old_flag in old.release.flags.items():
        new_flag = new.release.flags.get(name)
        is_owned = _key(name, old.release, new.release) is not None
        if new_flag is None or is_owned or old_flag.kind in ("list", "append"):
            continue
        if _has_same_default(old_flag, new_flag) or _is_further_argument(name, new):
            continue
        key = f"engine.extraArgs.{old_flag.key}"
        yield Default(key, old_flag.default, words(new_flag.default))


def _has_same_default(old: Flag, new: Flag) -> bool:
    """Whether two defaults mean the same. None, an empty value and `false` do."""
    are_both_empty = not old.default and not new.default
    return old.default == new.default or are_both_empty


def _is_further_argument(flag: str, service: ResolvedService) -> bool:
    for arguments in (service.engine.extra_args, service.server.extra_args):
        if extra_argument(arguments, flag, service.release) is not None:
            return True
    return False


def _derived_values(old: ResolvedService, new: ResolvedService) -> Iterator[Default]:
    """Values of the engine that are derived from other settings, and that differ in the new release."""
    configured = old.configured | new.configured
    for key, before in old.origins.items():
        if not key.startswith("engine.") or key in _NOT_COMPARED or key in configured:
            continue
        after = new.origins.get(key)
        if after is None or None in (before.value, after.value):
            continue
        if before.value != after.value:
            yield Default(key, before.value, words(after.value))
