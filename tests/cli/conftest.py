"""The command line as a user meets it: arguments and standard input in, two streams and an exit code out."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.app import main
from tests.client.vllm_server import Vllm, serving

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
      engine: {max-num-seqs: 16}
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
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")

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


ASKED = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: a:1
      model: /m/Qwen2-7B
      engine: {maxModelLen: 4096, numSchedulerSteps: 8}
      lora: {adapters: {french: /m/french}}
      graph: eager
    free: {image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}}
    guarded:
      image: a:1
      model: /m/Qwen2-7B
      engine: {maxModelLen: 4096}
      server: {apiKey: {secret: keys, key: k}}
    llava:
      image: a:1
      model: /m/llava-1.5-7b-hf
      engine: {maxModelLen: 4096}
      multimodal: {imagesPerPrompt: 2}
      server: {chatTemplate: /opt/template.jinja}
    plain: {image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}, server: api_server}
    off: {image: a:1, model: /m/Qwen2-7B, replicas: 0, engine: {maxModelLen: 4096}}
    broken: {image: a:1, model: /m/Qwen2-7B, npus: 2, visibleDevices: [0], engine: {maxModelLen: 4096}}
"""

Serve = Callable[..., Vllm]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start servers like vLLM's for the services of the stack prod.yaml."""
    (tmp_path / "prod.yaml").write_text(ASKED, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    names = ("/m/Qwen2-7B", "/m/llava-1.5-7b-hf")
    with ExitStack() as opened:
        yield lambda **what: opened.enter_context(
            serving(Vllm(**{"names": names, "adapters": ("french",), "images": 2, **what}))
        )
