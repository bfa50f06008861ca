"""The exit codes tell a verdict from a command that could not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Console

STACK = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      engine: {maxModelLen: 4096, dtype: float8}
"""


@pytest.fixture
def refused(tmp_path: Path) -> str:
    """A stack file with an error."""
    file = tmp_path / "Pulumi.refused.yaml"
    file.write_text(STACK)
    return str(file)


@pytest.mark.parametrize(
    "arguments",
    [
        ["drift", "FILE"],
        ["smoke", "FILE"],
        ["smoke", "FILE", "qwen"],
        ["request", "FILE", "qwen", "chat", "hello"],
        ["bench", "FILE", "qwen"],
    ],
)
def test_a_refused_file_is_no_verdict_of_a_command(console: Console, refused: str, arguments: list[str]) -> None:
    done = console(*[refused if argument == "FILE" else argument for argument in arguments])

    assert done.code == 3
    assert "dtype" in done.err


@pytest.mark.parametrize("arguments", [["check", "FILE"], ["render", "FILE"], ["script", "FILE", "qwen"]])
def test_the_errors_of_a_file_are_the_verdict_of_the_commands_that_only_read_it(
    console: Console, refused: str, arguments: list[str]
) -> None:
    assert console(*[refused if argument == "FILE" else argument for argument in arguments]).code == 1


def test_a_stack_that_cannot_be_read_is_no_difference(console: Console, refused: str) -> None:
    Path(refused).write_text("config: [\n")

    assert console("diff", refused, refused).code == 3


def test_a_defect_of_the_program_is_no_verdict(console: Console, refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.drift.refuse_errors", lambda stack: {}["defect"])
    done = console("drift", refused)

    assert done.code == 3
    assert "KeyError" in done.err
    assert "error: this is a defect of ascend-vllm" in done.err


def test_services_with_schema_errors_are_not_silently_left_out(console: Console, tmp_path: Path) -> None:
    pools = "{context: prod, pools: {a: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}}"
    text = STACK.replace("{context: prod}", pools)
    (tmp_path / "Pulumi.some.yaml").write_text(text)
    done = console("capacity", str(tmp_path / "Pulumi.some.yaml"))

    assert done.code == 3
    assert "not counted until its schema errors are fixed: qwen" in done.err


def test_a_base_file_is_no_stack(console: Console, tmp_path: Path) -> None:
    (tmp_path / "services.yaml").write_text("services:\n  qwen: {npus: 1}\n")
    done = console("check", str(tmp_path / "services.yaml"))

    assert done.code == 2
    assert "is a base file" in done.err
