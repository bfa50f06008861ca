"""Fixes that lead to another error about the same value are joined with the fix of that error.

`maxNumBatchedTokens 0 must be at least 1` has the fix `write maxNumBatchedTokens: 1`, which the rules refuse in turn:
1 is below maxModelLen. The fix of each error is tried on a copy of the values. If another error about the same value
follows, the edits of both fixes become one fix, which is tried as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from models.credentials import masked_message
from models.finding import Finding, Path
from models.fixes.apply import apply, renamed, replaced_key
from models.fixes.text import Alternative, alternatives, path_of, placed_alternatives
from models.rules.registry import judge, judge_stack
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.errors.place import dotted
from models.stack_file.parse import LoadedStack, parse_stack
from models.yaml_scalar import as_yaml

MOST_ERRORS = 20
"""Errors of a stack whose fixes are tried, the first ones of the file."""

MOST_RESOLVED = 250
"""Services that all errors together may resolve again: each trial resolves those of the whole stack (2 ms each)."""

_MOST_ROUNDS = 3
"""Fixes that are joined into one."""

_CANNOT_BE_APPLIED = (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
)
"""What a fix that is not an edit of these values raises, such as one of another file."""

_ABSENT = object()


def join_fixes(stack: ResolvedStack, findings: Sequence[Finding]) -> list[Finding]:
    """The findings, with joined fixes for errors whose own fix leads to another error about the same value.

    Without errors nothing is tried. A fix that cannot be tried stays as it is.

    Args:
        stack: The stack.
        findings: Its findings.
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    loaded = stack.loaded
    if not errors or loaded is None or not loaded.values:
        return [*findings]
    services = len(stack.services) + len(stack.broken)
    tried = min(MOST_ERRORS, MOST_RESOLVED // max(services, 1))
    trial = _Trial(loaded, frozenset(map(_identity, errors)))
    joined = {id(error): _joined(error, trial) for error in errors[:tried]}
    return [joined.get(id(finding), finding) for finding in findings]


def _joined(finding: Finding, trial: _Trial) -> Finding:
    """An error with a fix that leads to no other error about its value, if there is one; else as it is."""
    try:
        placed = placed_alternatives(finding.fix)
        for alternative in reversed(placed):
            finding = _with_joined_alternative(finding, alternative, trial)
    except _CANNOT_BE_APPLIED:
        return finding
    return finding


def _with_joined_alternative(
    finding: Finding, alternative: Alternative, trial: _Trial
) -> Finding:
    """A finding, one alternative of whose fix is joined with the fixes of the errors that follow from it."""
    follow_up = trial.error_after(finding, alternative)
    reason = follow_up
    candidate = finding
    for _ in range(_MOST_ROUNDS):
        if follow_up is None:
            break
        edits = trial.joined_edits(candidate, alternative, follow_up)
        if not edits:
            return finding
        candidate, alternative = _replaced(candidate, alternative, edits)
        follow_up = trial.error_after(candidate, alternative)
    if reason is None or follow_up or masked_message(candidate.fix) != candidate.fix:
        return finding
    return _with_reason(candidate, alternative, reason)


def _replaced(
    finding: Finding, alternative: Alternative, text: str
) -> tuple[Finding, Alternative]:
    """A finding with another text for one alternative of its fix, and that alternative.

    Raises:
        ValueError: The text is not one alternative.
    """
    before = finding.fix[: alternative.start]
    after = finding.fix[alternative.end :]
    (edits,) = alternatives(text)
    candidate = replace(finding, fix=before + text + after)
    end = alternative.start + len(text)
    known = [found.edits for found in placed_alternatives(candidate.fix)]
    if edits not in known:
        raise ValueError(f"not the same edits: {candidate.fix}")
    return candidate, Alternative(edits, alternative.start, end)


def _with_reason(
    finding: Finding, alternative: Alternative, follow_up: Finding
) -> Finding:
    """A finding whose fix says why it only removes a value, which could be written in another form."""
    if any(edit.verb != "remove" for edit in alternative.edits):
        return finding
    reason, *_ = follow_up.message.split(": ")
    text = finding.fix
    with_reason = f"{text[: alternative.end]} ({reason}){text[alternative.end :]}"
    if len(alternatives(with_reason)) != len(alternatives(text)):
        return finding
    return replace(finding, fix=with_reason)


@dataclass(frozen=True)
class _Trial:
    """The values of a stack, and its errors before a fix is tried."""

    loaded: LoadedStack
    known: frozenset[tuple[str, str]]

    def error_after(self, finding: Finding, alternative: Alternative) -> Finding | None:
        """The first new error about a value that an alternative changes; None if there is none."""
        paths = changed_paths(finding, alternative)
        for error in self._errors(self._applied(finding, alternative), finding):
            is_new = _identity(error) not in self.known
            if is_new and _is_about(error, paths):
                return error
        return None

    def joined_edits(
        self, finding: Finding, alternative: Alternative, follow_up: Finding
    ) -> str:
        """The edits of an alternative and of the first one of the fix of the error that follows, as one text.

        Empty if the fix of that error is no edit, or undoes all.
        """
        following = placed_alternatives(follow_up.fix)
        if not following:
            return ""
        later = changed_paths(follow_up, following[0])
        if not _writes_over_renamed_values(finding, alternative, later):
            return ""
        values = self._applied(finding, alternative)
        apply(following[0].edits, follow_up, values)
        paths = [*changed_paths(finding, alternative), *later]
        edits = []
        for path in _outermost(paths):
            before = _value_at(self.loaded.values, path)
            after = _value_at(values, path)
            if after == {}:
                after = _ABSENT
            if after is _ABSENT and before is not _ABSENT:
                edits.append(f"remove {dotted(path)}")
            elif after is not _ABSENT and after != before:
                edits.append(f"write {dotted(path)}: {as_yaml(after)}")
        return " and ".join(sorted(edits, reverse=True))

    def _applied(self, finding: Finding, alternative: Alternative) -> Any:
        values = deepcopy(dict(self.loaded.values))
        apply(alternative.edits, finding, values)
        return values

    def _errors(self, values: Any, finding: Finding) -> Iterator[Finding]:
        """The errors of the stack with other values. Services that the finding is not about are not judged."""
        name, file = self.loaded.name, self.loaded.file
        parsed = parse_stack(name, file, values, {})
        changed = replace(
            parsed,
            config_jsons=self.loaded.config_jsons,
            checksums=self.loaded.checksums,
            secrets=self.loaded.secrets,
            lock=self.loaded.lock,
        )
        stack = resolve(changed)
        findings = [*stack.findings, *judge_stack(stack)]
        for service in stack.services:
            if finding.service in (None, service.name):
                findings += judge(service)
        for found in findings:
            if found.severity == "error":
                yield found


def changed_paths(finding: Finding, alternative: Alternative) -> list[Path]:
    """The paths of the values that an alternative of a fix writes or removes."""
    edits = alternative.edits
    paths = []
    for edit in edits:
        path = path_of(edit, finding, edits)
        paths.append(path)
        if edit.verb == "rename":
            paths.append(renamed(path, edit))
        if edit.verb == "move":
            raise ValueError(f"a key of the project: {finding.fix}")
    replaced = replaced_key(edits, finding)
    return [*paths, replaced] if replaced else paths


def _writes_over_renamed_values(
    finding: Finding, alternative: Alternative, later: Sequence[Path]
) -> bool:
    """Whether later edits write or remove each value that an alternative renames.

    The values of all other edits are in the text of a fix, and may be repeated.
    """
    for edit in alternative.edits:
        if edit.verb == "rename":
            path = renamed(path_of(edit, finding, alternative.edits), edit)
            if not any(path[: len(above)] == above for above in later):
                return False
    return True


def _is_about(error: Finding, paths: Sequence[Path]) -> bool:
    """Whether an error is about a value at one of the paths: it is marked there, or its fix changes it again."""
    about = [error.marks[0].path]
    for alternative in placed_alternatives(error.fix)[:1]:
        about += changed_paths(error, alternative)
    return any(_is_same_value(path, other) for path in about for other in paths)


def _is_same_value(path: Path, other: Path) -> bool:
    """Whether a path is below another one or equal. A whole service or the cluster is not one value."""
    shorter, longer = sorted((path, other), key=len)
    least = 3 if path[:1] == ("services",) else 2
    return len(shorter) >= least and longer[: len(shorter)] == shorter


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """The paths that are not below another one of them."""
    found: list[Path] = []
    for path in sorted(set(paths), key=len):
        if not any(path[: len(above)] == above for above in found):
            found.append(path)
    return found


def _value_at(values: Any, path: Path) -> Any:
    for key in path:
        if isinstance(values, dict) and key in values:
            values = values[key]
        elif isinstance(values, list):
            values = values[int(key)]
        else:
            return _ABSENT
    return values


def _identity(finding: Finding) -> tuple[str, str]:
    return (finding.rule, finding.message)
