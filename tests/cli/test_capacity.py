"""`ascend-vllm capacity`: the NPUs of a stack as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import GOLDEN, Console
from tests.conftest import ROOT

STACK = """\
config:
  ascend-vllm:cluster:
    context: prod
    pools:
      large: {{nodes: {nodes}, npusPerNode: 8, npuMemory: 64Gi}}
    queues: {{inference: {{npus: 12}}}}
  ascend-vllm:services:
    qwen2-72b:
      {{image: 'a:1', model: /m/Qwen2-72B-Instruct, npus: 8, queue: inference, engine: {{maxModelLen: 4096}}}}
    qwen2-7b: {{image: 'a:1', model: /m/Qwen2-7B, replicas: 3, queue: inference, engine: {{maxModelLen: 4096}}}}
    llava: {{image: 'a:1', model: /m/llava-1.5-7b-hf, npus: 2, multimodal: true, replicas: 2,
      server: {{chatTemplate: /t}}, engine: {{maxModelLen: 4096}}}}
"""


def write(directory: Path, nodes: int) -> None:
    (directory / "Pulumi.full.yaml").write_text(STACK.format(nodes=nodes), encoding="utf-8")


@pytest.mark.parametrize(("form", "golden_file"), [("text", "capacity.txt"), ("json", "capacity.json")])
def test_the_npus_of_a_stack_are_shown_node_by_node_and_service_by_service(
    project: Path, console: Console, golden: Callable[[Path, str], None], form: str, golden_file: str
) -> None:
    write(project, 3)

    done = console("capacity", "full", "--format", form)

    assert (done.code, done.err) == (0, "")
    golden(GOLDEN / golden_file, done.out)


def test_what_has_no_room_is_found(project: Path, console: Console) -> None:
    write(project, 1)

    text, record = console("capacity", "full"), console("capacity", "full", "--format", "json")

    assert (text.code, record.code) == (1, 1)
    assert "no room for 2 pods of llava" in text.out
    assert {pod["service"] for pod in json.loads(record.out)["withoutRoom"]} == {"llava", "qwen2-7b"}


def test_nodes_that_hold_the_same_are_one_line(project: Path, console: Console) -> None:
    write(project, 100)

    out = console("capacity", "full").out

    assert "large-3 … large-100" in out
    assert len(out.splitlines()) < 12


def test_without_pools_nothing_is_known(project: Path, console: Console) -> None:
    done = console("capacity", "good")

    assert (done.code, done.out) == (2, "")
    assert "cluster.pools" in done.err


def test_services_that_are_not_counted_are_listed(project: Path, console: Console) -> None:
    done = console("capacity", "bad")

    assert "not counted until its schema errors are fixed: 千问" in done.err


def test_the_downtime_of_a_pair_is_shown_beside_that_of_each_service(console: Console) -> None:
    project = str(ROOT / "examples" / "prefill-decode")
    shown = console("-C", project, "capacity", "prod")
    document = json.loads(console("-C", project, "capacity", "prod", "--format", "json").out)

    assert "qwen3-32b-prefill + qwen3-32b-decode  rollout: both at the same time" in shown.out
    assert document["kvTransfer"]["services"] == ["qwen3-32b-prefill", "qwen3-32b-decode"]
    assert document["kvTransfer"]["npus"] == 32
    assert document["kvTransfer"]["downtimeSeconds"] > 0
