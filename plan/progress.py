"""How far an upgrade is: a file next to the stack file, so that a crash or another machine does not lose it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from pydantic import TypeAdapter, ValidationError

from models.stack_file.texts import named_bytes
from plan.step import Step

VERSION = 1
"""Raised when an older program could not read the file."""


@dataclass(frozen=True)
class Progress:
    """An upgrade that has begun."""

    version: int
    stack: str
    revision: str
    """The commit of what ran before the first step."""
    digest: str
    """A hash of both stack files."""
    steps: tuple[Step, ...]
    before: Mapping[str, int]
    """Replicas of the services before the first step."""
    done: int = 0
    """Steps that have ended. One more than there are steps: the stack file itself was applied."""
    target: int | None = None
    """The same number after the step that has begun, which is less on the way back; None if no step has begun."""
    update: str = ""
    """When the stack's last update before that step began; empty if there was none."""
    held: str = ""
    """Why the comparison after the steps that have ended does not let the upgrade go on; empty if it does."""
    promoted: Mapping[str, str] = field(default_factory=dict)
    """The reasons of the user to switch services although their comparisons held them, by service."""
    identity: str = ""
    """What the messages of the steps in the history of the stack have in common, and no other upgrade's."""
    pods: Mapping[str, str] = field(default_factory=dict)
    """Hashes of the pod templates after the last step, by service; empty before the first one."""
    selectors: Mapping[str, str] = field(default_factory=dict)
    """Hashes of what the Services select, by service."""

    def next_target(self, goal: int) -> int:
        """The number of steps after the next one. A step that has begun in the other direction is undone first.

        Args:
            goal: The number of steps in the end.
        """
        if goal == self.done:
            return self.done
        ahead = self.done + 1 if goal > self.done else self.done - 1
        if self.target in (None, ahead):
            return ahead
        return self.done

    def is_back(self, target: int) -> bool:
        """Whether the way to a number of steps undoes one."""
        if target == self.done:
            return self.target is not None and self.target > self.done
        return target < self.done

    def step_to(self, target: int) -> Step | None:
        """The step that leads to a number of steps, or that is undone on the way; None for the stack file itself."""
        number = target + 1 if self.is_back(target) else target
        if number > len(self.steps):
            return None
        return self.steps[number - 1]

    @property
    def begun(self) -> int:
        """The number of the step that has begun in one of the directions; that of the last one that has ended if none
        has."""
        if self.target is None:
            return self.done
        return max(self.done, self.target)

    def moving(self) -> frozenset[str] | None:
        """The services that the step which has begun changes; None if it may change all."""
        if self.target is None:
            return frozenset()
        if self.begun > len(self.steps):
            return None
        step = self.steps[self.begun - 1]
        before = self.steps[self.begun - 2] if self.begun > 1 else None
        companions = {} if before is None else before.companions
        names = {step.service, *(step.companions.keys() ^ companions.keys())}
        was_switched = () if before is None else before.switched
        names |= set(step.switched) ^ set(was_switched)
        if step.together:
            names.add(step.together.service)
        if before is None:
            return frozenset(names | _of_other_number(self.before, self.replicas(1)))
        for name in step.state.keys() | before.state.keys():
            if step.state.get(name) != before.state.get(name):
                names.add(name)
        return frozenset(names)

    def replicas(self, steps: int) -> Mapping[str, int]:
        """The replicas of the services after a number of steps."""
        if steps == 0:
            return self.before
        last = self.steps[min(steps, len(self.steps)) - 1]
        return {name: replicas.number for name, replicas in last.state.items()}


def _of_other_number(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    names = before.keys() | after.keys()
    return {name for name in names if before.get(name, 0) != after.get(name, 0)}


_MOST_BYTES = 16 << 20
"""Of the file. Each step has the replicas of all services."""

_PROGRESS = TypeAdapter(Progress)


def progress_file(directory: Path, stack: str) -> Path:
    """The file with the progress of a stack's upgrade."""
    return directory / f"Pulumi.{stack}.upgrade.json"


def read_progress(file: Path) -> Progress | None:
    """The upgrade that has begun; None if none has.

    Raises:
        OSError: The file cannot be read, or it is a pipe or a device.
        ValueError: The file is not one of an upgrade.
    """
    try:
        text = named_bytes(file, _MOST_BYTES)
    except FileNotFoundError:
        return None
    try:
        return _PROGRESS.validate_json(text)
    except ValidationError:
        raise ValueError("it is not the progress of an upgrade") from None


def write_progress(file: Path, progress: Progress) -> None:
    """Write the progress atomically: after a crash, the file has either the old or the new one.

    The new file has a name that nobody knows before, and it is not opened if it exists: it could be a link.
    """
    new = file.with_name(f".{file.name}.{token_hex(8)}.new")
    with new.open("xb") as stream:
        stream.write(_PROGRESS.dump_json(progress, indent=2))
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
