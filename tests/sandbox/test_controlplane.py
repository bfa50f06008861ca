"""A control plane gets ports of its own, also when others look for theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox import controlplane, processes
from sandbox.errors import SandboxError


def failing(times: int, message: str, seen: list[list[str]]) -> object:
    """A start that fails so often."""

    def create(home: Path, command: list[str]) -> None:
        (home / "kwok" / "clusters").mkdir(parents=True)
        seen.append(command)
        if len(seen) <= times:
            raise SandboxError(message, "start it again")

    return create


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sandbox's directory, whose lock is its own and whose components are never waited for."""
    monkeypatch.setattr(controlplane.paths, "cache_root", lambda: tmp_path)
    monkeypatch.setattr(controlplane, "_await_ports", lambda _: None)
    monkeypatch.setattr(controlplane, "_await_healthy", lambda _: None)
    monkeypatch.setattr(processes, "stop", lambda _: [])
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


def test_a_port_that_somebody_else_took_is_given_up_for_another(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(controlplane, "_create", failing(2, "etcd: bind: address already in use", seen))

    controlplane.start(home)

    assert len(seen) == 3


def test_a_machine_too_busy_for_the_controllers_is_given_another_attempt(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    attempts: list[Path] = []
    monkeypatch.setattr(controlplane, "_create", failing(0, "", seen))

    def late(directory: Path) -> None:
        attempts.append(directory)
        if len(attempts) == 1:
            raise SandboxError("failed to wait for apiserver being healthy: timed out", "start it again")

    monkeypatch.setattr(controlplane, "_await_healthy", late)

    controlplane.start(home)

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("message", "attempts", "reason"),
    [
        ("etcd: bind: address already in use", 3, "somebody takes every port"),
        ("etcd: no space left on device", 1, "another port would not help"),
    ],
)
def test_a_start_that_cannot_succeed_says_why(
    message: str, attempts: int, reason: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(controlplane, "_create", failing(9, message, seen))

    with pytest.raises(SandboxError, match=message):
        controlplane.start(home)

    assert len(seen) == attempts, reason


def test_beside_a_real_node_the_control_plane_runs_in_its_network_at_the_given_port(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(controlplane, "_create", failing(0, "", seen))

    controlplane.start(home, controlplane.Place(("nsenter", "--net=/proc/7/ns/net", "--"), 40001))

    assert seen[0][:4] == ["nsenter", "--net=/proc/7/ns/net", "--", str(home / "bin" / "kwokctl")]
    written = json.loads((home / "kwok.json").read_text())
    assert written["options"]["kubeApiserverPort"] == 40001
    assert {
        (argument["key"], argument["value"])
        for patch in written["componentsPatches"]
        for argument in patch["extraArgs"]
    } == {
        ("delete-collection-workers", "16"),
        ("leader-elect", "false"),
        ("kubelet-preferred-address-types", "InternalIP"),
        ("manage-all-nodes", "false"),
        ("manage-nodes-with-annotation-selector", "kwok.x-k8s.io/node=fake"),
    }
