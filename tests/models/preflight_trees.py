"""Stand-in trees of nodes and weights, and the preflight's container in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.launch.preflight import PREFLIGHT, preflight_command
from models.service.resolved import ResolvedService
from tests.models.sources import named, pod_of, service_with

A2 = "quay.io/ascend/vllm-ascend:v0.23.0"
OLD = "registry.example.com/ascend-vllm:6.3.912"
MODEL = "/mnt/models/Qwen2-7B-Instruct"
ADDRESSES = "address_0=29.89.132.13\nnetmask_0=255.255.0.0\n"
DRIVER = "usr/local/Ascend/driver"

CONFIG = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
}

Change = Callable[[Path], object]


def version_info(version: str) -> str:
    """What the driver's installer writes, in its order."""
    return f"Version={version}\nascendhal_version=7.35.23\naicpu_version=1.0\npackage_version={version}\n"


def write(tree: Path, name: str, content: str | bytes) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def right_tree(tree: Path) -> Path:
    """A node with eight NPUs of type A2, a driver that all releases accept, and the weights of Qwen2-7B-Instruct."""
    write(tree, f"{DRIVER}/version.info", version_info("25.5.1"))
    (tree / DRIVER / "lib64").mkdir()
    write(tree, "etc/ascend_install.info", "UserName=HwHiAiUser\nUserGroup=HwHiAiUser\n")
    write(tree, "etc/hccn.conf", ADDRESSES)
    for number, device in enumerate(("0xd802", "0x0222", "0xd802")):
        write(tree, f"sys/bus/pci/devices/0000:0{number}:00.0/vendor", "0x19e5\n")
        write(tree, f"sys/bus/pci/devices/0000:0{number}:00.0/device", f"{device}\n")
    write(tree, f"{MODEL[1:]}/config.json", json.dumps(CONFIG))
    return tree


def service(home: Path, model: Any = MODEL, **keys: Any) -> ResolvedService:
    """A service that the right tree fits."""
    return service_with(home, model, **{"image": A2, **keys})


def run(tree: Path, wanted: ResolvedService, **facts: Any) -> tuple[int, list[str]]:
    """The exit code of the container's own command in a tree, and what it prints."""
    container = named(pod_of(wanted)["initContainers"], PREFLIGHT)
    assert container["command"] == preflight_command()
    expected = json.loads(container["args"][0]) | facts
    words = [*container["command"], json.dumps(expected), str(tree)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def config(**changes: Any) -> Change:
    return lambda tree: write(tree, f"{MODEL[1:]}/config.json", json.dumps({**CONFIG, **changes}))


def file(name: str, content: str | bytes) -> Change:
    return lambda tree: write(tree, name, content)


def missing(name: str) -> Change:
    return lambda tree: (tree / name).unlink()


def device(number: str) -> Change:
    def change(tree: Path) -> None:
        for name in (0, 2):
            write(tree, f"sys/bus/pci/devices/0000:0{name}:00.0/device", number)

    return change
