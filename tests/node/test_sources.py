"""Weights on a real node: fetched once by pods that start side by side, seen whole, and verified before the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.models.bucket_server import KEYS, REGION, checksums_of
from tests.node import image
from tests.node.conftest import POOL, Node, Stack

PORT = 9311
FILES = {
    "behaviour.json": b"{}",
    "config.json": b'{"model_type": "qwen2"}',
    "model.safetensors": os.urandom(20_000_000),
}


LOOK = """
import hashlib, json, os, pathlib
place = pathlib.Path("/mnt/models/tiny-models")
try:
    (place / "x").touch()
    write = ""
except OSError as problem:
    write = problem.strerror
sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.iterdir()}
print(json.dumps({"sums": sums, "write": write, "env": dict(os.environ)}))
"""
"""What the server's container sees, and may do."""


@dataclass(frozen=True)
class Bucket:
    """A bucket that pods reach."""

    endpoint: str
    log: Path

    @property
    def asked(self) -> list[str]:
        return sorted(self.log.read_text().splitlines()) if self.log.exists() else []


@pytest.fixture
def bucket(node: Node, tmp_path: Path) -> Iterator[Bucket]:
    for name, content in FILES.items():
        (tmp_path / "files" / "qwen").mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / "qwen" / name).write_bytes(content)
    words = (sys.executable, "-m", "tests.node.bucket", str(tmp_path / "files"), str(PORT), str(tmp_path / "log"))
    path = "{.items[?(@.metadata.name=='snt9b-1')].status.addresses[?(@.type=='InternalIP')].address}"
    address = node.kubectl("get", "nodes", "-o", f"jsonpath={path}")
    with subprocess.Popen(node.inside(*words), cwd=ROOT, start_new_session=True) as server:
        time.sleep(2)
        yield Bucket(f"http://{address}:{PORT}", tmp_path / "log")
        os.killpg(server.pid, 15)


def write(stack: Stack, model: dict[str, Any], **more: Any) -> None:
    """The stack with its keys in a Secret, in a namespace that stays."""
    node = stack.node
    (node.project.directory / "weights.json").write_text(json.dumps(checksums_of(FILES)))
    node.kubectl("create", "namespace", stack.name)
    node.kubectl(
        *("create", "secret", "generic", "obs", "--namespace", stack.name),
        *(f"--from-literal=access={KEYS[0]}", f"--from-literal=secret={KEYS[1]}"),
    )
    service = {
        "image": image.NAME,
        "model": model,
        "engine": {"maxModelLen": 1024, "servedModelName": "tiny", "extraArgs": {"swapSpace": 0}},
        "resources": {"cpu": 1, "memory": "1Gi", "shm": "64Mi"},
        "startup": "3m",
        **more,
    }
    namespace = {"name": stack.name, "create": False}
    node.project.write(stack.name, {"tiny": service}, pools=POOL, namespace=namespace)


def of_bucket(bucket: Bucket, name: str = "models") -> dict[str, Any]:
    keys = {"accessKey": {"secret": "obs", "key": "access"}, "secretKey": {"secret": "obs", "key": "secret"}}
    address = {"endpoint": bucket.endpoint, "region": REGION, "bucket": name, "prefix": "qwen"}
    return {"source": {"kind": "bucket", **address, **keys}, "verify": "weights.json", "name": f"tiny {name}"}


def test_pods_side_by_side_fetch_once_and_the_server_sees_the_whole_read_only(stack: Stack, bucket: Bucket) -> None:
    write(stack, of_bucket(bucket), replicas=2, accept={"bucket-http": "in the test's own network"})
    done = stack.up()
    assert done.returncode == 0, done.stdout + done.stderr

    said = [
        stack.node.kubectl("logs", "--namespace", stack.name, pod["metadata"]["name"], "--container", "fetch-model")
        for pod in stack.node.pods(stack.name)
    ]
    seen = json.loads(stack.node.exec(stack.name, "python", "-c", LOOK))
    sums = {name: str(one["sha256"]) for name, one in checksums_of(FILES)["files"].items()}
    store = stack.node.root / "var/lib/ascend-vllm/models"

    assert bucket.asked == sorted(f"qwen/{name}" for name in FILES)
    assert sum("weights: fetching 3 of 3 files" in text for text in said) == 1
    assert all("3 files, 19.1 MiB, are complete" in text for text in said), said
    assert seen["sums"] == sums
    assert seen["write"] == "Read-only file system"
    assert not any(key in json.dumps(seen["env"]) for key in ("AWS_", *KEYS))
    assert [path.name[:11] for path in store.iterdir() if path.is_dir()] == ["tiny-models"]


def test_what_the_bucket_refuses_ends_the_update_in_one_sentence(stack: Stack, bucket: Bucket) -> None:
    write(stack, of_bucket(bucket, "nowhere"), accept={"bucket-http": "in the test's own network"})
    done = stack.up()

    assert done.returncode != 0
    assert "init container fetch-model failed" in done.stdout
    assert "there is no bucket nowhere at" in done.stdout
    assert "fix: correct model.source.bucket" in done.stdout
    assert KEYS[1] not in done.stdout + done.stderr


def test_a_bad_file_of_the_node_is_named_before_the_server_starts(stack: Stack) -> None:
    directory = stack.node.root / "mnt" / "models" / stack.name
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    (directory / "model.safetensors").write_bytes(FILES["model.safetensors"][:-1] + b"?")
    write(stack, {"source": f"/mnt/models/{stack.name}", "verify": "weights.json"})
    done = stack.up()

    assert done.returncode != 0
    assert "init container verify-model failed" in done.stdout
    assert "model.safetensors has another checksum" in done.stdout

    (directory / "model.safetensors").write_bytes(FILES["model.safetensors"])
    assert any(stack.up().returncode == 0 or time.sleep(5) for _ in range(12)), "the kubelet tries again by and by"
