"""A problem in a pod's template: what the API server refuses, and the edit that corrects it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.credentials import is_hidden
from models.finding import Path
from models.stack_file.errors.unknown_keys import nearest
from models.words import either

SOURCE = "Kubernetes 1.34.1, pkg/apis/core/validation/validation.go"
"""Where the API server's rules are."""

_LONGEST = 80
"""Characters of a value that a message shows."""


@dataclass(frozen=True)
class Edit:
    """An edit of the template."""

    verb: Literal["write", "remove", "rename"]
    path: Path
    value: Any = None
    """The value to write, or the new name of the key."""


@dataclass(frozen=True)
class Problem:
    """A part of the template that the API server refuses."""

    path: Path
    """The path of the refused part, from the template."""
    words: str
    """The problem; a message puts the field's name in front."""
    source: str
    """The source that refuses it."""
    edits: tuple[Edit, ...]
    """Edits that are made together."""
    others: tuple[Path, ...] = ()
    """Other parts of the template that contradict this one."""
    name: str = ""
    """The unknown name, if the problem is a name that the schema does not have."""


def shown(path: Path, value: Any) -> str:
    """A value in a message, after a space; empty if it is long or may be a credential."""
    if not isinstance(value, str | int | float):
        return ""
    if is_hidden(path, str(value)):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST:
        return ""
    return f" {text}"


def place(source: int | str) -> str:
    """The source that refuses a value: a line of `SOURCE`, or another place in words."""
    if isinstance(source, int):
        return f"{SOURCE}:{source}"
    return source


def write(path: Path, value: Any) -> tuple[Edit, ...]:
    """The edit that writes a value."""
    return (Edit("write", path, value),)


def write_nearest(path: Path, value: str, choices: Sequence[str]) -> tuple[Edit, ...]:
    """The edit that writes the choice that a text probably means, or the first one."""
    near = nearest(value, dict.fromkeys(choices))
    return write(path, near or choices[0])


def remove(path: Path) -> tuple[Edit, ...]:
    """The edit that removes a field or an item."""
    return (Edit("remove", path),)


def refused(
    path: Path,
    value: Any,
    words: str,
    *,
    source: int | str,
    edits: tuple[Edit, ...],
    others: Sequence[Path] = (),
) -> Problem:
    """A value that the API server refuses.

    Args:
        path: The path of the refused part.
        value: The value; None if the message does not show it.
        words: The problem.
        source: The line of `SOURCE` that refuses it, or another place in words.
        edits: The edits that correct it.
        others: Other parts of the template that contradict it.
    """
    return Problem(
        path=path,
        words=f"{shown(path, value).strip()} {words}".strip(),
        source=place(source),
        edits=edits,
        others=tuple(others),
    )


def missing(path: Path, example: Any, *, source: int, words: str = "") -> Problem:
    """A field without a value that the API server requires."""
    return Problem(
        path=path,
        words=words or "is missing",
        source=place(source),
        edits=write(path, example),
    )


def not_a_choice(
    path: Path, value: str, choices: Sequence[str], *, source: int | str
) -> Problem:
    """A text that is not one of a few."""
    return refused(
        path,
        value,
        f"must be {either(choices)}",
        source=source,
        edits=write_nearest(path, value, choices),
    )


def duplicate(path: Path, value: str, first: Path, *, source: int) -> Problem:
    """An item whose name or value another item has already.

    Args:
        path: The path of the repeated value; the fix removes the item that has it.
        value: The repeated value.
        first: The path of the value in the first item.
        source: The line that refuses it.
    """
    return refused(
        path,
        value,
        f"is already in {'.'.join(first)}",
        source=source,
        edits=remove(path[:-1]),
        others=[first],
    )
