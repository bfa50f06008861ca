"""A real vLLM on the CPU, started by the very script that a container runs; `make test-vllm` installs it."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.launch.launch import launch, script
from models.service.resolve import resolve
from models.stack_file.load import load_text
from sandbox.images import tiny_qwen2
from sandbox.real import needs

ENVIRONMENT = os.environ.get("REAL_VLLM", "")
"""The virtual environment with the wheel of vLLM."""

RELEASE = os.environ.get("REAL_VLLM_RELEASE", "0.23.0")
collect_ignore_glob = [] if ENVIRONMENT else ["test_*.py"]

STARTUP = 900
EPHEMERAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")

STACK = """\
config:
  ascend-vllm:cluster:
    context: none
    platform: {{kind: cce, initFile: {directory}/init.sh}}
  ascend-vllm:services:
    tiny:
      image: quay.io/ascend/vllm-ascend:v{release}
      model: {{source: {directory}/model}}
      engine: {{maxModelLen: 1024, maxNumSeqs: 16, dtype: {dtype}, servedModelName: tiny}}
      graph: eager
      server: {{port: {port}, apiKey: {{secret: keys, key: tiny}}}}
"""

INIT = """\
export PATH={environment}/bin:$PATH
export OMP_NUM_THREADS=1 VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind HF_HUB_OFFLINE=1
export TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_API_KEY=sk-tiny
"""


PRELOADED = {"0.18.0": ("libtcmalloc_minimal.so.4", "libiomp5.so")}
"""Libraries without which the worker of a release ends (vllm/v1/worker/cpu_worker.py)."""


@dataclass(frozen=True)
class Served:
    """A stack whose service runs."""

    stack: Path
    url: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service `tiny`, which the generated run_vllm.sh starts."""
    directory = tmp_path_factory.mktemp("vllm")
    tiny_qwen2.write(directory / "model")
    with running(directory) as server:
        yield server


@contextmanager
def running(
    directory: Path, environment: str = ENVIRONMENT, release: str = RELEASE, dtype: str = "float32"
) -> Iterator[Served]:
    """A server of the model in a directory, which the generated run_vllm.sh starts, as long as it is needed."""
    port = _unused_port()
    (directory / "init.sh").write_text(init_file(environment, release), encoding="utf-8")
    stack = directory / "vllm.yaml"
    text = STACK.format(release=release, directory=directory, port=port, dtype=dtype)
    stack.write_text(text, encoding="utf-8")
    service = resolve(load_text("vllm", str(stack), text)).services[0]
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


def init_file(environment: str, release: str) -> str:
    """The variables of the container: those of a server without NPUs, and the libraries that the release preloads."""
    libraries = [library(name, environment) for name in PRELOADED.get(release, ())]
    preload = f"export LD_PRELOAD={':'.join(libraries)}\n" if libraries else ""
    return INIT.format(environment=environment) + preload


def library(name: str, environment: str) -> str:
    """The path of a library of the environment, or of the machine."""
    places = [Path(environment, "lib"), *needs.LIBRARIES]
    found = [place / name for place in places if (place / name).exists()]
    assert found, f"{name} is missing; on Debian: apt-get install libtcmalloc-minimal4"
    return str(found[0])


def _unused_port() -> int:
    """A port that the kernel gives to nobody else: the server takes it a minute later."""
    lowest = int(EPHEMERAL_PORTS.read_text(encoding="ascii").split()[0])
    while True:
        port = random.randrange(lowest // 2, lowest)  # noqa: S311  not a secret
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) != 0:
                return port


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
