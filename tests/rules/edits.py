"""Applies the text of a fix literally to the text of a stack file."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from models.finding import Finding, Path
from models.fixes.apply import apply as apply_to_values
from models.fixes.text import TOP, Edit, alternatives
from models.stack_file.yaml_file import read_yaml

__all__ = ["alternatives", "apply"]

PREFIX = "ascend-vllm:"


def apply(edits: Sequence[Edit], finding: Finding, text: str) -> str:
    """The text of a stack file after the edits of one alternative.

    Args:
        edits: The edits.
        finding: The finding with the fix; its marks have positions.
        text: The text of the stack file.
    """
    for edit in edits:
        if edit.line:
            text = _without_marked_text(text, finding, edit.line)
    of_keys = [edit for edit in edits if not edit.line]
    if not of_keys:
        return text
    document = read_yaml("stack file", text).value
    apply_to_values(of_keys, finding, document, _in_document)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _in_document(path: Path) -> Path:
    if path[:1] and path[0] in TOP:
        return ("config", f"{PREFIX}{path[0]}", *path[1:])
    return path


def _without_marked_text(text: str, finding: Finding, line: int) -> str:
    lines = text.splitlines()
    (span,) = [mark.span for mark in finding.marks if mark.span and mark.span.line == line]
    before = lines[line - 1][: span.column - 1]
    after = lines[line - 1][span.column - 1 + span.length :]
    lines[line - 1] = before + after
    return "\n".join(lines) + "\n"
