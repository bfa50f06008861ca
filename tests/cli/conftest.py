"""The command line as a user meets it: arguments and standard input in, two streams and an exit code out."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.app import main

GOLDEN = Path(__file__).parent / "golden"

GOOD = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen: {image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}}
"""
BAD = """\
config:
  ascend-vllm:cluster:
    context: prod
    pools:
      snt9b: {nodes: 4, npusPerNode: 8, npuMemory: 64Gi}
  ascend-vllm:services:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      npus: 2
      visibleDevices: [4, 5]
      engine: {maxModelLen: 4096}
    千问:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/模型
      engine: {max-model-len: 4096}
    idle:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      npus: 8
      engine: {maxModelLen: 4096, tensorParallelSize: 4}
      env: {PERCENT: "100%, a:b"}
    spare:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      npus: 8
      engine: {maxModelLen: 4096, tensorParallelSize: 4}
      accept: {idle-npus: "cards reserved for the second adapter"}
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Console = Callable[..., Done]


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    """Run `ascend-vllm` with arguments in an empty project directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "argv", ["ascend-vllm", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        streams = capsys.readouterr()
        return Done(code, streams.out, streams.err)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a stack that passes and one that does not."""
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "Pulumi.bad.yaml").write_text(BAD, encoding="utf-8")
    return tmp_path
