"""A required key that is misspelled is two errors of pydantic. They become one finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from models.finding import Finding, Path

_WRITTEN_KEY = re.compile(r"write (\w+):|rename \S+ to ([\w:-]+)")
"""The key that the fix of an unknown key writes in its place."""

_MOVE = re.compile(r"move \S+ to (\S+)")
"""The path that the fix of an unknown key moves its value to."""


def join_misspelled_keys(
    missing: Sequence[Finding],
    unknown: Sequence[Finding],
    translate: Callable[[Path], Path] = lambda path: path,
) -> tuple[list[Finding], list[Finding]]:
    """Join the findings about missing keys with those about the unknown keys that replace them.

    `max-model-len: 16384` is one error: the fix of the unknown key writes the missing one. Its rule is `missing-key`,
    because the rules that need the value cannot run.

    Args:
        missing: Findings, some of them about missing keys.
        unknown: Findings, some of them about unknown keys.
        translate: Translates a path of `unknown` to a path of `missing`.

    Returns:
        The findings of `missing` that are still right on their own, and the findings of `unknown` after the join.
    """
    missing_keys = {
        finding.marks[-1].path: finding
        for finding in missing
        if finding.rule == "missing-key"
    }
    joined: list[Finding] = []
    misspelled: list[Finding] = []
    for finding in unknown:
        written = _written_path(finding)
        found = missing_keys.pop(translate(written), None) if written else None
        if found:
            misspelled.append(found)
            joined.append(_at_the_unknown_key(found, finding))
        else:
            joined.append(finding)
    return [finding for finding in missing if finding not in misspelled], joined


def _written_path(finding: Finding) -> Path | None:
    """The path of the key that the fix of an unknown key writes. None for any other finding."""
    if finding.rule != "unknown-key":
        return None
    move = _MOVE.match(finding.fix)
    if move:
        return tuple(move[1].split("."))
    edit = _WRITTEN_KEY.match(finding.fix)
    if edit is None:
        return None
    *above, _ = finding.marks[0].path
    return (*above, edit[1] or edit[2])


def _at_the_unknown_key(missing: Finding, unknown: Finding) -> Finding:
    """The finding about a missing key, at the unknown key and with its fix."""
    return replace(
        missing,
        message=f"{missing.message}: {unknown.message}",
        fix=unknown.fix,
        marks=unknown.marks,
    )
