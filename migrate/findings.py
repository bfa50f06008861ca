"""Settings that the new release does not have or accept: the fixes of its rules are applied to the stack file."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.document import StackDocument
from migrate.report import Change, Kind
from models.finding import Finding, Path
from models.fixes.text import Edit, alternatives, path_of
from models.yaml_scalar import as_yaml

_KINDS: dict[str, Kind] = {
    "key-of-another-release": "gone",
    "value-of-another-release": "changed",
    "unknown-flag": "gone",
    "flag-of-other-server": "gone",
    "flag-with-key": "gone",
    "dead-setting": "no effect",
}
"""The rules whose fixes a migration applies, with the kind of change."""

_WEIGHTS = "quantization"
"""The key that says how the weights were made. No edit of the stack file makes them again."""


def is_applied(finding: Finding) -> bool:
    """Whether a migration applies the fix of a finding."""
    return finding.rule in _KINDS and not is_about_weights(finding)


def is_about_weights(finding: Finding) -> bool:
    """Whether the weights have to be made again."""
    return (
        finding.rule == "value-of-another-release"
        and finding.marks[0].field == _WEIGHTS
    )


def apply_fix(finding: Finding, document: StackDocument) -> Change | None:
    """Apply the first alternative of a fix.

    Returns:
        The change, or None if the fix is not an edit of the stack file.
    """
    found = alternatives(finding.fix)
    if not found:
        return None
    edits = found[0]
    subject = _subject(finding, document)
    for edit in edits:
        _apply(edit, path_of(edit, finding, edits), document)
    kind = _KINDS[finding.rule]
    is_renamed = edits[0].verb == "rename" or finding.rule == "flag-with-key"
    if is_renamed and edits[0].verb != "remove":
        kind = "renamed"
    return Change(kind, subject, _outcome(finding, edits))


def _subject(finding: Finding, document: StackDocument) -> str:
    """The setting with its value."""
    mark = finding.marks[0]
    value = document.value(mark.path)
    if value is None or isinstance(value, dict | list):
        return mark.field
    return f"{mark.field}: {as_yaml(value)}"


def _outcome(finding: Finding, edits: Sequence[Edit]) -> str:
    if finding.rule == "flag-with-key":
        return finding.message
    if edits[0].verb == "remove":
        return finding.why
    return f"{finding.fix}: {finding.why}"


def _apply(edit: Edit, path: Path, document: StackDocument) -> None:
    if edit.verb == "write":
        document.write(path, edit.value)
    elif edit.verb == "remove":
        document.remove(path)
    elif edit.verb == "move":
        document.write(edit.value, document.value(path))
        document.remove(path)
    else:
        value = document.value(path)
        name = tuple(str(edit.value).split("."))
        document.write(_renamed(path, edit.key, name), value)
        document.remove(path)


def _renamed(path: Path, key: str, name: Path) -> Path:
    """The path of a value with another name. A name with dots begins where the key of the edit begins."""
    if len(name) == 1:
        return (*path[:-1], *name)
    above = len(path) - len(key.split("."))
    return (*path[:above], *name)
