"""Real sandboxes for end-to-end tests: each module has its own, which is removed at its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from sandbox import cluster
from sandbox.environment import environment
from sandbox.plan import Node, Plan

ASCEND = {"accelerator/huawei-npu": "ascend-1980"}
RESOURCE = "huawei.com/ascend-1980"


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: its name (the context is `kwok-<name>`) and the environment for commands."""

    name: str
    env: dict[str, str] = field(repr=False)

    @property
    def context(self) -> str:
        """The kubeconfig context, for stack files."""
        return f"kwok-{self.name}"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints; fails the test with what it complains about."""
        answer = subprocess.run(
            ["kubectl", *arguments], input=stdin or "", env=self.env, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout


SandboxFactory = Callable[[Plan], Sandbox]


def ascend_nodes(count: int = 2, npus: int = 8) -> tuple[Node, ...]:
    """Nodes as the manual has them: snt9b-1, snt9b-2, …"""
    return tuple(Node(f"snt9b-{number}", ASCEND, RESOURCE, npus) for number in range(1, count + 1))


def unique(name: str) -> str:
    """A sandbox name that no other test process on this machine uses."""
    return f"{name}-{os.getpid()}"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxFactory]:
    """Start a sandbox for a plan. It does not outlive its module: also an idle one takes processor time."""
    running: list[str] = []

    def start(plan: Plan) -> Sandbox:
        mine = replace(plan, name=unique(plan.name))
        running.append(mine.name)
        cluster.up(mine)
        return Sandbox(mine.name, environment(mine.name))

    try:
        yield start
    finally:
        for name in running:
            cluster.down(name)
