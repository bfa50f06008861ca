"""Notes of a conversion: assumed and replaced values, remaining objects, and dropped parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

_API_KEY_NAMES = ("VLLM_API_KEY", "--api-key")


@dataclass(frozen=True)
class Place:
    """A line of a file; both fields are empty for a note about no particular line."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """`run_vllm.sh:7`; only the file if the line is unknown."""
        if self.file and self.line:
            return f"{self.file}:{self.line}"
        return self.file


NOWHERE = Place()


class Placed(Protocol):
    """A value that knows its line, such as a part of a Kubernetes object."""

    @property
    def place(self) -> Place:
        """The line of the value."""


@dataclass(frozen=True)
class Note:
    """One thing that a conversion assumed, replaced or dropped. It never contains a dropped value, which may be a
    credential."""

    kind: Literal["assumed", "replaced", "remains", "dropped"]
    """`replaced`: the program writes its own part instead. `remains`: an object that the stack file does not
    describe, and that nothing changes. `dropped`: it is lost, so the exit code is 1."""
    subject: str
    why: str
    at: Place = NOWHERE

    @property
    def place(self) -> str:
        """`run_vllm.sh:7`, or empty text."""
        return str(self.at)


def assumed(
    subject: str,
    why: str,
    at: Place | Placed = NOWHERE,
) -> Note:
    """A note about a value that the files leave open and the conversion had to choose."""
    return Note("assumed", subject, why, _place(at))


def dropped(
    subject: str,
    why: str,
    at: Place | Placed = NOWHERE,
) -> Note:
    """A note about a value that the stack file does not get."""
    return Note("dropped", subject, why, _place(at))


def replaced(
    subject: str,
    why: str,
    at: Place | Placed = NOWHERE,
) -> Note:
    """A note about a value in place of which the program has its own."""
    return Note("replaced", subject, why, _place(at))


def remains(
    subject: str,
    why: str,
    at: Place | Placed = NOWHERE,
) -> Note:
    """A note about an object that does not belong to the stack, and that the program leaves unchanged."""
    return Note("remains", subject, why, _place(at))


def dropped_credential(name: str, at: Place | Placed = NOWHERE) -> Note:
    """A note about a credential, which is never copied, with the way to give it to the server."""
    if name in _API_KEY_NAMES:
        why = "it is a credential: create a Secret with it, and write server.apiKey: {secret: NAME, key: KEY}"
    else:
        why = "it looks like a credential: create a Secret with it, and do not write it into a file"
    return dropped(name, why, at)


class Notes(list[Note]):
    """The notes of a conversion, in their order."""

    def assume(
        self,
        subject: str,
        why: str,
        at: Place | Placed = NOWHERE,
    ) -> None:
        """Add a note about an assumption."""
        self.append(assumed(subject, why, at))

    def replace(
        self,
        subject: str,
        why: str,
        at: Place | Placed = NOWHERE,
    ) -> None:
        """Add a note about a value in place of which the program has its own."""
        self.append(replaced(subject, why, at))

    def drop(
        self,
        subject: str,
        why: str,
        at: Place | Placed = NOWHERE,
    ) -> None:
        """Add a note about a value that the stack file does not get."""
        self.append(dropped(subject, why, at))

    def drop_credential(self, name: str, at: Place | Placed = NOWHERE) -> None:
        """Add a note about a credential."""
        self.append(dropped_credential(name, at))


def _place(at: Place | Placed) -> Place:
    if isinstance(at, Place):
        return at
    return at.place
