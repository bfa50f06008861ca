"""The preflight on a real node, whose files are stand-ins: a right node starts, and each wrong one is named."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.real import node as real_node
from tests.node import image
from tests.node.conftest import POOL, Node, Stack

A2 = "quay.io/ascend/vllm-ascend:v0.23.0"
TREE = "/mnt/stand-in"
"""The node's directory that the container sees as its driver."""

PCI = "/sys/bus/pci/devices"
"""Where the container sees the driver if a test needs NPUs on the PCI bus, which this machine does not have."""

SECONDS = 10
"""What a preflight may take at most."""

ENGINE = {"maxModelLen": 1024, "servedModelName": "tiny", "extraArgs": {"swapSpace": 0}}
TWO_NPUS = {"npus": 2, "engine": {**ENGINE, "tensorParallelSize": 2}}
PLUGIN = {"image": A2, "engine": {"maxModelLen": 1024, "servedModelName": "tiny"}}


@pytest.fixture(scope="module")
def plugin_image(node: Node, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The stand-in server's image under the name of an official one, whose tag names the type of NPU."""
    archive = tmp_path_factory.mktemp("image") / "plugin.tar"
    image.build(archive, A2)
    real_node.load(node.home, archive)
    return A2


@dataclass(frozen=True)
class Tree:
    """The files of the node that a test changes."""

    stack: Stack

    @property
    def root(self) -> Path:
        return self.stack.node.root

    @property
    def driver(self) -> Path:
        return self.root / TREE[1:]

    def version(self, version: str) -> None:
        (self.driver / "version.info").write_text(f"Version={version}\npackage_version={version}\n")

    def device(self, device: str) -> None:
        directory = self.driver / "0000:01:00.0"
        directory.mkdir(exist_ok=True)
        (directory / "vendor").write_text("0x19e5\n")
        (directory / "device").write_text(f"{device}\n")

    def config_json(self, config: dict[str, Any]) -> None:
        file = self.root / "mnt" / "models" / self.stack.name / "config.json"
        file.write_text(json.dumps(config))

    def write(self, name: str = "", driver: str = PCI, **service: Any) -> None:
        """The stack file: a service that uses the tree as its driver."""
        platform = {"kind": "cce", "driver": {"hostPath": TREE, "mountPath": driver}}
        path = f"/mnt/models/{self.stack.name}"
        smallest = {
            "image": image.NAME,
            "model": {"source": path, "name": name} if name else path,
            "engine": ENGINE,
            "resources": {"cpu": 1, "memory": "1Gi", "shm": "64Mi"},
            "startup": "3m",
        }
        self.stack.node.project.write(self.stack.name, {"tiny": {**smallest, **service}}, pools=POOL, platform=platform)

    def preflight(self) -> dict[str, Any]:
        """How the preflight of the stack's pod ended."""
        [pod] = self.stack.node.pods(self.stack.name)
        [status] = [one for one in pod["status"]["initContainerStatuses"] if one["name"] == "preflight"]
        ended: dict[str, Any] = {**status["state"], **status["lastState"]}["terminated"]
        return ended


@pytest.fixture
def tree(stack: Stack) -> Iterator[Tree]:
    """A right node: eight NPUs of type A2 with a driver of 25.5.1."""
    found = Tree(stack)
    (found.driver / "lib64").mkdir(parents=True, exist_ok=True)
    found.version("25.5.1")
    found.device("0xd802")
    hccn = found.root / "etc" / "hccn.conf"
    text = hccn.read_text()
    yield found
    hccn.write_text(text)
    os.chown(found.driver, 0, 0)
    found.driver.chmod(0o755)


def seconds(ended: dict[str, Any]) -> float:
    started, finished = (datetime.fromisoformat(ended[key]) for key in ("startedAt", "finishedAt"))
    return (finished - started).total_seconds()


def test_a_right_node_starts_the_server(tree: Tree) -> None:
    tree.config_json({"model_type": "qwen2", "hidden_size": 64})
    tree.write()
    done = tree.stack.up()
    assert done.returncode == 0, done.stdout + done.stderr

    ended = tree.preflight()
    log = tree.stack.node.kubectl("logs", "--namespace", tree.stack.name, "deploy/tiny", "--container", "preflight")
    assert ended["exitCode"] == 0
    assert log == "preflight: nothing contradicts the service\n"
    assert seconds(ended) <= SECONDS


def test_a_node_that_shows_nothing_starts_the_server(tree: Tree) -> None:
    (tree.driver / "version.info").unlink()
    (tree.root / "etc" / "hccn.conf").write_text("")
    tree.write()
    done = tree.stack.up()

    assert done.returncode == 0, done.stdout + done.stderr
    assert tree.preflight()["exitCode"] == 0


CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "old": (
        "version",
        PLUGIN,
        "the driver of the node is 24.1.rc3, older than 25.5.1 of vLLM 0.23.0",
        "update the driver of the node to 25.5.1 or later, or write graph: eager",
    ),
    "soc": (
        "device",
        PLUGIN,
        "the image is built for a2, and the NPUs of the node are a3",
        f"write image: {A2}-a3, or choose nodes with a2",
    ),
    "hccn": (
        "hccn",
        TWO_NPUS,
        "/etc/hccn.conf has no address of an NPU, and 2 NPUs of the service communicate over HCCL",
        "write the addresses on the node with hccn_tool",
    ),
    "awq": (
        "awq",
        PLUGIN,
        "are quantized with awq: vLLM 0.23.0 cannot load them",
        "use weights that are not quantized",
    ),
    "model": (
        "model",
        {"name": "Qwen2-7B-Instruct", **TWO_NPUS},
        "is not that of Qwen2-7B-Instruct: hiddenSize 4096 instead of 3584",
        "correct model.source or model.name",
    ),
    "group": (
        "group",
        {"runAsUser": 1000},
        f"user 1000 may not use {PCI}: it belongs to group 1005, and the pod has the groups [1000]",
        "write cluster.platform.group: 1005",
    ),
}


def make_wrong(tree: Tree, kind: str) -> None:
    """Change the right node, or the weights."""
    if kind == "version":
        tree.version("24.1.rc3")
    elif kind == "device":
        tree.device("0xd803")
    elif kind == "hccn":
        (tree.root / "etc" / "hccn.conf").write_text("\n")
    elif kind == "awq":
        tree.config_json({"model_type": "qwen2", "quantization_config": {"quant_method": "awq"}})
    elif kind == "model":
        tree.config_json({"model_type": "qwen2", "hidden_size": 4096})
    else:
        os.chown(tree.driver, 0, 1005)
        tree.driver.chmod(0o750)


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_node_ends_the_update_with_one_sentence(tree: Tree, plugin_image: str, case: str) -> None:
    kind, service, message, fix = CASES[case]
    make_wrong(tree, kind)
    tree.write(**service)
    failed = tree.stack.up()
    assert "error[preflight]" in failed.stdout, failed.stdout + failed.stderr
    status = tree.stack.ascend_vllm("status")
    ended = tree.preflight()

    assert plugin_image == A2
    assert failed.returncode != 0
    for shown in (failed.stdout, status.stdout):
        assert "error[preflight]: tiny: the preflight on the node snt9b-1: " in shown, shown
        assert message in shown, shown
        assert f"fix: {fix}" in shown, shown
    assert message in ended["message"]
    assert ended["exitCode"] == 1
    assert seconds(ended) <= SECONDS


def test_a_wrong_node_starts_the_server_without_a_preflight(tree: Tree) -> None:
    (tree.root / "etc" / "hccn.conf").write_text("")
    tree.write(preflight=False, **TWO_NPUS)
    done = tree.stack.up()

    assert done.returncode == 0, done.stdout + done.stderr
