"""Git repositories with a stack prod over a base file, for the tests of `diff`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CLUSTER = """\
config:
  ascend-vllm:cluster:
    context: prod
    pools:
      snt9b: {nodes: 4, npusPerNode: 8, npuMemory: 64Gi}
"""
BASE = """\
services:
  qwen2-7b:
    image: registry.example.com/ascend-vllm:6.3.912
    model: /mnt/models/Qwen2-7B-Instruct
    engine: {maxModelLen: 4096}
"""
PROD = f"""\
{CLUSTER}  ascend-vllm:base: services.yaml
  ascend-vllm:services:
    qwen2-72b:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-72B-Instruct
      npus: 8
      rollout: recreate
      engine: {{maxModelLen: 8192}}
    old: &old
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/llava-1.5-7b-hf
      npus: 2
      multimodal: true
      engine: {{maxModelLen: 4096}}
      server: {{chatTemplate: /t.jinja}}
"""
CHANGED = (
    PROD.replace("maxModelLen: 8192", "maxModelLen: 16384")
    .replace("    old: &old\n", "    llava:\n")
    .replace("npus: 8\n", "npus: 8\n      prefixCaching: true\n")
)


def git(directory: Path, *arguments: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *own, *arguments], cwd=directory, check=True, capture_output=True)


def write(directory: Path, **texts: str) -> None:
    for name, text in texts.items():
        (directory / ("services.yaml" if name == "base" else f"Pulumi.{name}.yaml")).write_text(text, encoding="utf-8")


def commit(directory: Path) -> None:
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "a")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose branch main has the stack prod over a base file."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n", encoding="utf-8")
    write(tmp_path, base=BASE, prod=PROD)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def many(count: int, length: int) -> str:
    service = f"{{image: a:1, model: /m/Qwen2-7B-Instruct, prefixCaching: true, engine: {{maxModelLen: {length}}}}}"
    services = "".join(f"    service-{number}: {service}\n" for number in range(count))
    return f"{CLUSTER.replace('nodes: 4', f'nodes: {count}')}  ascend-vllm:services:\n{services}"
