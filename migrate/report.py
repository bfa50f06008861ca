"""The report of a migration, as data: its changes and their consequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "image",
    "renamed",
    "gone",
    "changed",
    "no effect",
    "default",
    "weights",
    "left",
]
"""The kinds of changes of a setting.

`image`: the new image. `renamed`: the key or its flag has another name and the same meaning. `gone`: the release has no
such setting. `changed`: the release does not accept the value. `no effect`: nothing in the release reads it. `default`:
a default of the old release that is written out, or that changes. `weights`: the weights must be quantized again.
`left`: a finding that remains in the new stack file."""

Topic = Literal["clients", "metrics", "defaults", "image", "nodes"]
"""The topics of consequences around the services: requests, metrics in dashboards, defaults of the fields of JSON
flags, and requirements on the image and the nodes."""


@dataclass(frozen=True)
class Change:
    """A setting that a migration changes, or has to leave to the user."""

    kind: Kind
    subject: str
    """The setting with its value, as the stack file has it."""
    outcome: str
    """The result of the change."""


@dataclass(frozen=True)
class MigratedService:
    """The changes of one service."""

    name: str
    old: str
    """The version that it runs."""
    new: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Consequence:
    """A consequence of the release around the services."""

    topic: Topic
    old: str
    new: str


@dataclass(frozen=True)
class Migration:
    """A migrated stack file, and what changes by it."""

    stack: str
    file: str
    text: str
    """The new text of the stack file."""
    services: tuple[MigratedService, ...]
    consequences: tuple[Consequence, ...]
    unchanged: Sequence[str] = ()
    """Services that run the release already."""
