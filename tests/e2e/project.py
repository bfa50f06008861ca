"""A copy of the program in a directory of its own, whose stacks live in a sandbox."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.e2e.sandbox_fixture import Sandbox

LONGEST = 600
"""Seconds for one command, with other tests at the same time."""


@dataclass(frozen=True)
class Project:
    """A directory with the program, and the sandbox that its stacks are deployed to."""

    directory: Path
    sandbox: Sandbox

    def write(
        self, stack: str, services: dict[str, Any], *, kv_transfer: dict[str, str] | None = None, **cluster: Any
    ) -> None:
        """Write a stack file; the namespace is the stack's name."""
        given = {"context": self.sandbox.context, "namespace": stack, **cluster}
        config: dict[str, Any] = {"ascend-vllm:cluster": given, "ascend-vllm:services": services}
        if kv_transfer:
            config["ascend-vllm:kvTransfer"] = kv_transfer
        self.file(stack).write_text(yaml.safe_dump({"config": config}, allow_unicode=True), encoding="utf-8")

    def file(self, stack: str) -> Path:
        return self.directory / f"Pulumi.{stack}.yaml"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self.sandbox.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("pulumi", "--non-interactive", *arguments)

    def ascend_vllm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "cli", *arguments)

    def up(self, stack: str) -> str:
        """`pulumi up` of a stack that has to succeed; what it said."""
        done = self.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def resources(self, stack: str) -> list[str]:
        """Types of everything in the stack's state."""
        state = json.loads(self.pulumi("stack", "export", "--stack", stack).stdout)
        return [resource["type"] for resource in state["deployment"].get("resources") or []]

    def objects(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """Objects of the stack's services in the cluster."""
        listed = self.sandbox.kubectl("get", kind, "--namespace", namespace, "--output", "json", "-l", "app=infers")
        items: list[dict[str, Any]] = json.loads(listed)["items"]
        return items

    def names(self, kind: str, namespace: str) -> list[str]:
        return sorted(item["metadata"]["name"] for item in self.objects(kind, namespace))


def eventually(holds: Callable[[], bool], seconds: float = 120) -> bool:
    """Whether a condition holds before a busy machine runs out of time."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.2)
    return holds()


def unfolded(text: str) -> str:
    """A text in one line, however it is folded to the width of a terminal."""
    return " ".join(text.split())


def copy_program(directory: Path, sandbox: Sandbox) -> Project:
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, directory / name)
    return Project(directory, sandbox)
