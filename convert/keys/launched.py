"""The start of a server with its flags: what the keys of a service are derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convert.minimal import Values
from convert.node_paths import NodePaths, Weights
from convert.note import NOWHERE, Notes, Place
from convert.placeholder import PLACEHOLDER
from convert.server.command_line import Flags
from convert.server.engine_release import EngineRelease
from convert.server_start import Start
from models.catalog.facts import ModelFacts
from models.catalog.known import find_model
from models.engines.release import Release

_MODELS = "/mnt/models"
"""The directory of all weights in the manual's examples."""


@dataclass
class Launched:
    """The start of a server with its flags. Keys are derived from it one after the other."""

    start: Start
    flags: Flags
    engine: EngineRelease
    paths: NodePaths
    port: str
    """The port of the container; empty if it declares none."""
    notes: Notes = field(default_factory=Notes)
    is_ours: bool = False
    """Whether this program wrote the pod."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The values of `--set`, by name."""
    claims: Mapping[str, Values] = field(default_factory=dict)
    """The claims that the stack creates, with their sizes and classes."""
    model_name: str = ""
    """The name of the model, if the pod of this program contains it."""
    used_variables: set[str] = field(default_factory=set)
    """The variables that a key stands for, so that they are not written under `env`."""

    @property
    def release(self) -> Release:
        """The engine release."""
        return self.engine.release

    @property
    def takes_json(self) -> bool:
        """Whether the release sets its features by JSON flags, as vllm-ascend does, and not by variables."""
        return "speculative-config" in self.release.flags

    def flag(self, name: str) -> Any:
        """The value of a flag, or None."""
        return self.flags.values.get(name)

    def variable(self, name: str) -> str | None:
        """The value of a variable that a key stands for, or None. Some releases have no key for it."""
        if name not in self.release.owned_variables and self.takes_json:
            return None
        self.used_variables.add(name)
        setting = self.start.environment.get(name)
        return setting.text if setting else None

    def weights(self) -> Weights:
        """The weights of the model."""
        return self.paths.model(self.flag("model") or "")

    def directory(self, path: str) -> str:
        """The directory of weights on the node; one below `/mnt/models` for a name of a hub, or a relative path."""
        on_node = self.paths.on_node(path)
        if on_node.startswith("/") or PLACEHOLDER.search(on_node):
            return on_node
        return f"{_MODELS}/{on_node.removeprefix('./')}"

    def model_facts(self) -> ModelFacts | None:
        """The facts of the model; None if the catalogue does not know it."""
        known = find_model(self.weights().name)
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
        return self.flags.places.get(flag, NOWHERE)


def note_download(
    launched: Launched,
    path: str,
    flag: str,
) -> None:
    """Note weights that the server would download, or find below its working directory."""
    directory = launched.directory(path)
    if PLACEHOLDER.search(path):
        return
    if path.startswith("/"):
        _note_volume(launched, path, flag)
        return
    why = (
        f"pods read weights from a directory of the node: put them into {directory}, "
        "or write model.source for a claim or a bucket"
    )
    launched.drop(f"the download of {path}", why, flag)


def _note_volume(
    launched: Launched,
    path: str,
    flag: str,
) -> None:
    """Note weights in a volume that the stack file has no source for."""
    mount = launched.paths.volume_without_key(path)
    if mount is None:
        return
    kind = mount.volume_kind or "not declared"
    why = (
        f"{path} lies in it; weights come from a directory of the node, a claim or a bucket: "
        f"write model.source, or put them into {path} on every node"
    )
    launched.drop(f"the volume {mount.volume_name} ({kind})", why, flag)
