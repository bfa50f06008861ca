"""A sandbox with a real node, the real controller of groups and a real vLLM; `make test-groups` runs these, as root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sandbox import cluster, paths
from sandbox.environment import environment
from sandbox.images import tiny_qwen2, vllm
from sandbox.plan import Plan
from sandbox.real import node, root
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import Sandbox, ascend_nodes, unique
from tests.groups import load

collect_ignore_glob = [] if os.environ.get("REAL_GROUPS") else ["test_*.py"]

POOL = {"snt9b": {"nodes": 1, "npusPerNode": 8, "npuMemory": "64Gi"}}
LEADER = "tiny-group-0"
WORKER = "tiny-group-0-1"
CONTAINER = "ascend-vllm"
LONGEST = 600
"""Seconds for a real vLLM to start twice, on a busy machine."""


@dataclass(frozen=True)
class Group:
    """A stack with the one service `tiny`: one server over two pods of the real node."""

    name: str
    project: Project
    home: Path
    engine: dict[str, Any]

    def write(self, **keys: Any) -> None:
        """Write the stack file, with further keys of the service."""
        service = {
            "image": vllm.NAME,
            "model": {"source": "/mnt/models/tiny-qwen2", "configJson": "tiny-qwen2.json"},
            "nodes": 2,
            "npus": 1,
            "engine": {
                "maxModelLen": 1024,
                "maxNumSeqs": 16,
                "dtype": "float32",
                "servedModelName": "tiny",
                **self.engine,
            },
            "graph": "eager",
            "resources": {"cpu": "500m", "memory": "6Gi", "shm": "1Gi"},
            "rollout": {"maxSurge": 0, "maxUnavailable": 1},
            "drain": "60s",
            **keys,
        }
        self.project.write(self.name, {"tiny": service}, pools=POOL)

    def up(self) -> None:
        """Deploy the stack file, which has to succeed."""
        self.project.up(self.name)

    def kubectl(self, *arguments: str) -> str:
        return self.project.sandbox.kubectl("--namespace", self.name, *arguments)

    def inside(self, pod: str, command: str) -> str:
        """What a command of bash prints in the container of a pod."""
        return self.kubectl("exec", pod, "--container", CONTAINER, "--", "bash", "-c", command)

    def log(self, pod: str) -> str:
        return self.kubectl("logs", pod, "--container", CONTAINER)

    def pods(self) -> dict[str, str]:
        """The pods that are not about to end: name and UID."""
        found = self.project.objects("pods", self.name)
        return {
            pod["metadata"]["name"]: pod["metadata"]["uid"]
            for pod in found
            if "deletionTimestamp" not in pod["metadata"]
        }

    def link(self, pod: str, state: str) -> None:
        """Connect a pod with the network of the node, or separate it: its processes run on, and nothing arrives."""
        index = self.inside(pod, "cat /sys/class/net/eth0/iflink").strip()
        links = subprocess.run(
            node.inside(self.home, "ip", "--json", "link"), capture_output=True, text=True, check=True
        )
        [name] = [link["ifname"] for link in json.loads(links.stdout) if str(link["ifindex"]) == index]
        subprocess.run(node.inside(self.home, "ip", "link", "set", name, state), check=True)

    def targets(self) -> int:
        """The pods to which the Service sends requests."""
        slices = json.loads(
            self.kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=tiny", "-o", "json")
        )
        endpoints = [endpoint for item in slices["items"] for endpoint in item["endpoints"] or []]
        return sum(endpoint["conditions"]["ready"] for endpoint in endpoints)

    @property
    def address(self) -> str:
        """The address of the Service, in the node's network."""
        return self.kubectl("get", "service", "tiny", "-o", "jsonpath={.spec.clusterIP}")

    def chat(self) -> dict[str, Any]:
        """The answer to one chat."""
        body = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, "temperature": 0}
        url = f"http://{self.address}:8080/v1/chat/completions"
        code = (
            "import sys, urllib.request; r = urllib.request.Request(sys.argv[1], sys.argv[2].encode(),"
            " {'Content-Type': 'application/json'}); print(urllib.request.urlopen(r, timeout=60).read().decode())"
        )
        command = node.inside(self.home, sys.executable, "-c", code, url, json.dumps(body))
        answer: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return answer

    @contextmanager
    def loaded(self, file: Path, tokens: int = 200) -> Iterator[list[load.Request]]:
        """Requests without a pause as long as the context lasts; what became of them is in the list afterwards."""
        requests: list[load.Request] = []
        words = [sys.executable, load.__file__, self.address, str(tokens), str(file)]
        with subprocess.Popen(node.inside(self.home, *words)) as sending:
            time.sleep(5)
            try:
                yield requests
                time.sleep(5)
            finally:
                Path(f"{file}.stop").touch()
            assert sending.wait(load.LONGEST + 60) == 0
        requests += [load.Request(**request) for request in json.loads(file.read_text(encoding="utf-8"))]


def until(holds: Callable[[], bool], seconds: float = LONGEST) -> float:
    """Wait until a condition holds; returns the seconds that it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds
        time.sleep(0.2)
    return time.monotonic() - began


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A program next to a sandbox whose only node is real, and has the image and the weights."""
    name = unique("real-groups")
    [planned] = ascend_nodes(1)
    home = paths.home(name)
    archive = vllm.ensure()
    try:
        cluster.up(Plan(name, (replace(planned, real=True),), groups=True))
        node.load(home, archive)
        tiny_qwen2.write(root.path(home) / "mnt/models/tiny-qwen2")
        made = copy_program(tmp_path_factory.mktemp("program"), Sandbox(name, environment(name)))
        (made.directory / "tiny-qwen2.json").write_text(json.dumps(tiny_qwen2.CONFIG), encoding="utf-8")
        yield made
    finally:
        cluster.down(name)


FORMS = {"nnodes": {"tensorParallelSize": 2}, "dataParallel": {"dataParallelSize": 2}}


@pytest.fixture(scope="module", params=FORMS)
def group(request: pytest.FixtureRequest, project: Project) -> Iterator[Group]:
    """A group of two pods that serves, in one form of the launch."""
    name = request.param.lower()
    made = Group(name, project, paths.home(project.sandbox.name), FORMS[request.param])
    assert project.pulumi("stack", "init", name).returncode == 0
    made.write()
    made.up()
    yield made
    project.pulumi("destroy", "--stack", name, "--yes", "--skip-preview")
    project.sandbox.kubectl("delete", "pods", "--all", "--namespace", name, "--force", "--grace-period=0")
