"""Updates and restarts of pods that really serve: nothing is lost, and what was compiled is found again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.node import load
from tests.node.conftest import Stack


@contextmanager
def loaded(stack: Stack, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """Requests without a pause as long as the context lasts; what became of them is in the list afterwards."""
    told, file = list[dict[str, Any]](), tmp_path / "load.json"
    address = stack.node.kubectl(
        "get", "service", "tiny", "--namespace", stack.name, "--output", "jsonpath={.spec.clusterIP}"
    )
    command = stack.node.inside(sys.executable, load.__file__, f"http://{address}:8080", "300", str(file))
    with subprocess.Popen(command) as sending:
        time.sleep(3)
        yield told
        time.sleep(3)
        Path(f"{file}.stop").touch()
        assert sending.wait(90) == 0
    told += json.loads(file.read_text(encoding="utf-8"))


def downtime(told: list[dict[str, Any]]) -> float:
    """Longest time in seconds in which no request was taken that was answered later."""
    taken = sorted(one["began"] for one in told if one["what"] == "answered")
    refused = [one["began"] for one in told if one["what"] == "refused"]
    if not refused:
        return 0.0
    return min(one for one in taken if one > max(refused)) - max(one for one in taken if one < min(refused))


@pytest.mark.parametrize("rollout", ["surge", "recreate"])
def test_an_update_under_load_loses_no_request(
    rollout: str, stack: Stack, tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.node.model(stack.name, load=2, pace=0.05)
    kinds: dict[str, Any] = {"surge": {"maxSurge": 1, "maxUnavailable": 0}, "recreate": "recreate"}
    stack.runs(rollout=kinds[rollout], drain="60s")
    [before] = [pod["metadata"]["name"] for pod in stack.node.pods(stack.name)]

    with loaded(stack, tmp_path) as told:
        stack.runs(rollout=kinds[rollout], drain="60s", env={"UPDATED": "yes"})

    assert before not in [pod["metadata"]["name"] for pod in stack.node.pods(stack.name)]
    became = Counter(one["what"] for one in told)
    assert became.pop("refused", 0) == 0 or rollout == "recreate", became
    assert {*became} == {"answered"}, became
    seconds = downtime(told)
    record_property("downtime", seconds)
    with capsys.disabled():
        print(f"\n{rollout}: {became['answered']} requests answered, none lost, downtime {seconds:.1f} s")
    assert (seconds > 0) == (rollout == "recreate")


def test_a_restart_finds_its_graph_cache(stack: Stack) -> None:
    node = stack.node
    node.model(stack.name, compile=2)
    stack.runs(graph={"kind": "pta", "warmUp": True})
    assert "INFO graphs: none" in node.logs(stack.name)
    assert "warm-up: first request answered after" in node.logs(stack.name)
    kept = node.root / "var/cache/ascend-vllm/tiny"
    assert [file.name for file in kept.glob("*/0/.torchair_cache/graph")] == ["graph"]

    node.exec(stack.name, "kill", "1")  # the container starts again
    node.kubectl("wait", "--namespace", stack.name, "--for=condition=Ready=false", "pod", "-l", "app=infers")
    node.kubectl("wait", "--namespace", stack.name, "--for=condition=Ready", "pod", "-l", "app=infers", "--timeout=60s")
    assert "INFO graphs: found" in node.logs(stack.name)

    node.kubectl("scale", "--namespace", stack.name, "deploy/tiny", "--replicas=0")
    node.kubectl("wait", "--namespace", stack.name, "--for=delete", "pod", "-l", "app=infers", "--timeout=60s")
    node.kubectl("scale", "--namespace", stack.name, "deploy/tiny", "--replicas=1")  # another pod
    node.kubectl("rollout", "status", "--namespace", stack.name, "deploy/tiny", "--timeout=60s")
    assert "INFO graphs: found" in node.logs(stack.name)
