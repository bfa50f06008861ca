"""The start of a server with its flags: what the keys of a service are derived from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from convert.command_line import Flags
from convert.node_paths import NodePaths, Weights
from convert.note import NOWHERE, Notes, Place
from convert.server_start import Start
from models.catalog.facts import ModelFacts
from models.catalog.known import find_model


@dataclass
class Launched:
    """The start of a server with its flags. Keys are derived from it one after the other."""

    start: Start
    flags: Flags
    paths: NodePaths
    port: str
    """The port of the container; empty if it declares none."""
    notes: Notes = field(default_factory=Notes)
    used_variables: set[str] = field(default_factory=set)
    """The variables that a key stands for, so that they are not written under `env`."""

    def flag(self, name: str) -> Any:
        """The value of a flag, or None."""
        return self.flags.values.get(name)

    def variable(self, name: str) -> str | None:
        """The value of a variable that a key stands for, or None."""
        self.used_variables.add(name)
        setting = self.start.environment.get(name)
        return setting.text if setting else None

    def weights(self) -> Weights:
        """The weights of the model."""
        return self.paths.model(self.flag("model") or "")

    def model_facts(self) -> ModelFacts | None:
        """The facts of the model; None if the catalogue does not know it."""
        name = PurePosixPath(self.weights().node_path).name
        known = find_model(name)
        return known.facts if known else None

    def assume(
        self,
        what: str,
        why: str,
        flag: str = "",
    ) -> None:
        """Note an assumption about a value that the script leaves open.

        Args:
            what: The assumed value.
            why: Why it was chosen.
            flag: The flag that it concerns, for the line.
        """
        self.notes.assume(what, why, self._place(flag))

    def drop(
        self,
        what: str,
        why: str,
        flag: str = "",
    ) -> None:
        """Note a part of the launch that the stack file does not get."""
        self.notes.drop(what, why, self._place(flag))

    def _place(self, flag: str) -> Place:
        line = self.flags.lines.get(flag)
        if not line:
            return NOWHERE
        return Place(self.start.file, line)
