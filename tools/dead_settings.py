"""The settings that a later release no longer reads, as the program uses them."""

from __future__ import annotations

import re
from typing import Any

_KINDS = {
    "additional-config key": "key",
    "flag": "flag",
    "metric": "metric",
    "variable": "variable",
}

_CLOSED_PLUGIN = "Ascend-vLLM 0.6.3 (closed plugin)"
_UNRELEASED = "after 0.23.0"
_FIRST_STRICT = "0.30.0"
"""The release from which the plugin refuses unknown keys. Inferred from vllm-ascend's pull requests 13838 and 15515."""

_BY_RELEASE = re.compile(r"(\S+) \((\d+\.\d+\.\d+)\)")
"""A name that is the nearest one in one release only."""


def dead_settings_table(reference: dict[str, Any], source: str) -> dict[str, Any]:
    """The table of settings that a later release does not read.

    Args:
        reference: The reference's table, `dead_settings.json`.
        source: How the table was made.
    """
    settings = {}
    for name, entry in sorted(reference.items()):
        settings[name] = _setting(entry)
    return {"source": source, "settings": settings}


def _setting(entry: dict[str, Any]) -> dict[str, Any]:
    kind = _KINDS[entry["kind"]]
    first_dead = _first_dead(entry["first_dead"])
    setting: dict[str, Any] = {
        "kind": kind,
        "read_in": [_release(name) for name in entry["read_in"]],
        "first_dead": first_dead,
        "effect": _effect(kind, entry["effect"]),
        "aborts_from": _aborts_from(kind, first_dead, entry),
        **_nearest(entry["nearest"]),
    }
    consequences = entry.get("aborts", "") + entry["effect"]
    if "[0.30.0: inferred" in consequences:
        setting["inferred"] = True
    note = entry.get("note", "")
    if "0.30.0" in entry or "not public" in note:
        setting["not_known_in"] = ["0.30.0"]
    if "set_by" in entry:
        setting["documented"] = True
    if "note" in entry:
        setting["note"] = entry["note"]
    return setting


def _release(name: str) -> str:
    return "0.6.3" if name == _CLOSED_PLUGIN else name


def _first_dead(words: str) -> str:
    if words == _UNRELEASED:
        return _FIRST_STRICT
    return words.partition(" ")[0]


def _effect(kind: str, words: str) -> str:
    """The reaction of the release to the setting: refused, warned, ignored, or (for a metric) absent."""
    if kind == "flag":
        return "refused"
    if kind == "metric":
        return "absent"
    if "warns of an unknown variable" in words or "a warning and nothing else" in words:
        return "warned"
    return "ignored"


def _aborts_from(kind: str, first_dead: str, entry: dict[str, Any]) -> str | None:
    """The first release that does not start with the setting, or None."""
    if kind == "flag":
        return first_dead
    return _FIRST_STRICT if "aborts" in entry else None


def _nearest(words: str | None) -> dict[str, Any]:
    """The nearest setting that is read, or why nothing replaces the setting."""
    if words is None:
        return {"nearest": None}
    if words.startswith("nothing"):
        reason = words.removeprefix("nothing").removeprefix(" needed").lstrip(": ")
        return {"nearest": None, "not_needed": reason or "no replacement is needed"}
    alternatives = _BY_RELEASE.findall(words)
    if not alternatives:
        return {"nearest": words}
    # The reference names the newest release first.
    newest, *older = alternatives
    by_release = {release: name for name, release in older}
    return {"nearest": newest[0], "nearest_by_release": by_release}
