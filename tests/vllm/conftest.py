"""A real vLLM on the CPU, started by the very script that a container runs; `make test-vllm` installs it."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.launch.launch import launch, script
from models.service.resolve import resolve
from models.stack_file.load import load_text
from sandbox.images import tiny_qwen2
from tests.models.stand_in_server import free_port

PYTHON = os.environ.get("VLLM_PYTHON", "")
collect_ignore_glob = [] if PYTHON else ["test_*.py"]

STARTUP = 300

STACK = """\
config:
  ascend-vllm:cluster:
    context: none
    platform: {{kind: cce, initFile: {directory}/init.sh}}
  ascend-vllm:services:
    tiny:
      image: quay.io/ascend/vllm-ascend:v0.23.0
      model: {{source: {directory}/model}}
      engine: {{maxModelLen: 1024, maxNumSeqs: 16, dtype: float32, servedModelName: tiny}}
      graph: eager
      server: {{port: {port}, apiKey: {{secret: keys, key: tiny}}}}
"""

INIT = """\
export PATH={bin}:$PATH
export OMP_NUM_THREADS=1 VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind HF_HUB_OFFLINE=1
export TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_API_KEY=sk-tiny
"""


@dataclass(frozen=True)
class Served:
    """A stack whose service runs."""

    stack: Path
    url: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service `tiny`, which the generated run_vllm.sh starts."""
    directory = tmp_path_factory.mktemp("vllm")
    port = free_port()
    tiny_qwen2.write(directory / "model")
    (directory / "init.sh").write_text(INIT.format(bin=Path(PYTHON).parent), encoding="utf-8")
    stack = directory / "vllm.yaml"
    stack.write_text(STACK.format(directory=directory, port=port), encoding="utf-8")
    service = resolve(load_text("vllm", str(stack), stack.read_text(encoding="utf-8"))).services[0]
    (directory / "run_vllm.sh").write_text(script(launch(service)), encoding="utf-8")
    log = directory / "log"
    with log.open("w", encoding="utf-8") as written:
        server = subprocess.Popen(["bash", directory / "run_vllm.sh"], stdout=written, stderr=written, cwd=directory)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, server, log)
        yield Served(stack, url)
    finally:
        server.terminate()
        server.wait(60)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTUP
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310  an address of this machine
                return
        except OSError:
            ended = server.poll() is not None
            assert not ended, log.read_text(encoding="utf-8")[-5000:]
            assert time.monotonic() < until, log.read_text(encoding="utf-8")[-5000:]
            time.sleep(0.5)
