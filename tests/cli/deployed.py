"""Stands for Pulumi and the cluster: what was applied, its objects, and the history of the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.pulumi import PastUpdate
from cluster.update.live_services import LiveServices, services_of
from models.check import check
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.stack_file.load import load_text

WORKLOADS = ("Deployment", "LeaderWorkerSet")


def objects_of(name: str, text: str, project: Path) -> list[dict[str, Any]]:
    """The objects of a stack file that `check` accepts; the files that it names are on the disk."""
    stack = resolve(load_text(name, str(project / f"Pulumi.{name}.yaml"), text, project=project))
    assert check(stack).errors == (), check(stack).errors[0].message
    return list(stack_objects(stack))


@dataclass
class Deployed:
    """What Pulumi has deployed of one stack."""

    name: str
    project: Path
    texts: list[str] = field(default_factory=list)
    """The stack files that were applied, the last one last."""
    states: list[list[dict[str, Any]]] = field(default_factory=list)
    """The objects of each of them."""
    history: list[PastUpdate] = field(default_factory=list)
    """The newest last."""
    hold: str = ""
    """Why the next comparison holds; empty if it does not."""
    at: Callable[[str], None] = lambda _: None
    """Called at each place at which the command can be killed."""

    @property
    def objects(self) -> list[dict[str, Any]]:
        return self.states[-1]

    def deploy(self) -> None:
        """`pulumi up` of the stack file itself, by somebody else."""
        self.apply((self.project / f"Pulumi.{self.name}.yaml").read_text("utf-8"))
        self.record("deployed")

    def apply(self, text: str) -> None:
        self.states.append(objects_of(self.name, text, self.project))
        self.texts.append(text)

    def record(self, message: str) -> None:
        self.history.append(PastUpdate(str(len(self.history) + 1), message))

    def up(self, stack: str, project: Path, file: Path | None = None, message: str = "") -> int:
        path = file or project / f"Pulumi.{stack}.yaml"
        self.at("before the update")
        self.apply(path.read_text("utf-8"))
        self.at("in the update")
        self.record(message)
        self.at("after the update")
        return 0

    def updates(self, *_: object, most: int = 100) -> tuple[PastUpdate, ...]:
        return tuple(reversed(self.history[-most:]))

    async def live(self, _: object) -> LiveServices:
        workloads = [item for item in self.objects if item["kind"] in WORKLOADS]
        return services_of(workloads, list(self._of_kind("Service")))

    def _of_kind(self, *kinds: str) -> Iterator[dict[str, Any]]:
        return (item for item in self.objects if item["kind"] in kinds)

    @property
    def messages(self) -> Sequence[str]:
        return [past.message for past in self.history]

    def services(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = yaml.safe_load(self.texts[-1])["config"]["ascend-vllm:services"]
        return found

    def answering(self) -> str:
        """The service whose pods answer the requests to `qwen`."""
        (service,) = (item for item in self._of_kind("Service") if item["metadata"]["name"] == "qwen")
        return str(service["spec"]["selector"]["app.kubernetes.io/instance"])

    def workload(self, name: str) -> dict[str, Any]:
        (found,) = (item for item in self._of_kind(*WORKLOADS) if item["metadata"]["name"] == name)
        return found

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the command line use it."""
        monkeypatch.setattr("cli.pulumi.updates", self.updates)
        monkeypatch.setattr("cli.pulumi.up", self.up)
        monkeypatch.setattr("cli.upgrade.parallel_change._live_services", self.live)
        monkeypatch.setattr("cli.commands.upgrade.hold_of", lambda _: self.hold)
