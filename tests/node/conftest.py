"""A sandbox with a real node, where pods run; `make test-node` runs these, as root."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import cluster, paths
from sandbox.environment import environment
from sandbox.plan import Plan
from sandbox.real import node as real_node
from sandbox.real import root
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import Sandbox, ascend_nodes, unique
from tests.node import image

collect_ignore_glob = [] if os.environ.get("REAL_NODE") else ["test_*.py"]

POOL = {"snt9b": {"nodes": 1, "npusPerNode": 8, "npuMemory": "64Gi", "nodeMemory": "16Gi"}}


@dataclass(frozen=True)
class Node:
    """The real node of a sandbox, and the program beside it."""

    project: Project
    home: Path

    @property
    def root(self) -> Path:
        """The node's files, as this machine sees them."""
        return root.path(self.home)

    def model(self, name: str, **behaviour: Any) -> None:
        """Put a model onto the node, and with it how its server behaves."""
        directory = self.root / "mnt" / "models" / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "behaviour.json").write_text(json.dumps(behaviour), encoding="utf-8")

    def inside(self, *command: str) -> list[str]:
        """A command as it runs in the node's network."""
        return real_node.inside(self.home, *command)

    def kubectl(self, *arguments: str) -> str:
        return self.project.sandbox.kubectl(*arguments)

    def exec(self, stack: str, *command: str) -> str:
        """What a command prints in the container of the stack's service."""
        return self.kubectl("exec", "--namespace", stack, "deploy/tiny", "--container", "ascend-vllm", "--", *command)

    def logs(self, stack: str, *options: str) -> str:
        return self.kubectl("logs", "--namespace", stack, "deploy/tiny", "--container", "ascend-vllm", *options)

    def pods(self, stack: str) -> list[Any]:
        """The stack's pods but those that are about to end."""
        return [pod for pod in self.project.objects("pods", stack) if "deletionTimestamp" not in pod["metadata"]]


@dataclass(frozen=True)
class Stack:
    """A stack of a test's own, with the one service `tiny`."""

    name: str
    node: Node

    def write(self, **service: Any) -> None:
        """Write the stack's file: the smallest service that fits this machine, and what else is said."""
        smallest = {
            "image": image.NAME,
            "model": f"/mnt/models/{self.name}",
            "engine": {"maxModelLen": 1024, "servedModelName": "tiny", "extraArgs": {"swapSpace": 0}},
            "resources": {"cpu": 1, "memory": "1Gi", "shm": "64Mi"},
            "startup": "3m",
        }
        self.node.project.write(self.name, {"tiny": {**smallest, **service}}, pools=POOL)

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.node.project.pulumi("up", "--stack", self.name, "--yes", "--skip-preview")

    def runs(self, **service: Any) -> None:
        """Write the stack and bring it up, which has to succeed."""
        self.write(**service)
        done = self.up()
        assert done.returncode == 0, done.stdout + done.stderr

    def rendered(self, kind: str) -> Any:
        """The one object of a kind that the program makes of the stack."""
        objects = yaml.safe_load_all(self.ascend_vllm("render").stdout)
        [found] = [one for one in objects if one and one["kind"] == kind]
        return found

    def ascend_vllm(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.node.project.ascend_vllm(command, self.name, *arguments)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in server's image."""
    target = tmp_path_factory.mktemp("image") / "stand-in.tar"
    image.build(target)
    return target


@pytest.fixture(scope="session")
def node(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A real node that has the stand-in server's image, and a simulated one beside it that nobody may use."""
    name = unique("node")
    first, second = ascend_nodes(2)
    others = {"pool": "simulated"}
    plan = Plan(name, (replace(first, real=True), replace(second, labels=others)))
    home = paths.home(name)
    try:
        cluster.up(plan)
        real_node.load(home, archive)
        sandbox = Sandbox(name, environment(name))
        yield Node(copy_program(tmp_path_factory.mktemp("program"), sandbox), home)
    finally:
        cluster.down(name)


@pytest.fixture
def stack(node: Node, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack of the test's own, whose pods are gone afterwards: this machine has few CPUs."""
    name = "n-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[-30:].strip("-")
    made = node.project.pulumi("stack", "init", name)
    assert made.returncode == 0, made.stderr
    node.model(name)
    yield Stack(name, node)
    node.kubectl("delete", "pods,deployments", "--all", "--namespace", name, "--force", "--grace-period=0")
