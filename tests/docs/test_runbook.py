"""What the runbook shows of `status` is what `status` says.

That a real control plane leads to the same findings is held by tests/e2e/test_status.py.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.commands import status
from cluster.snapshot import Snapshot
from tests.cli.conftest import Console, console
from tests.cluster.objects import (
    ago,
    container,
    deployment,
    ended,
    event,
    node,
    pod,
    queue,
    replica_set,
    running,
    snapshot,
    waiting,
)
from tests.cluster.reader import FakeReader
from tests.conftest import ROOT
from tests.docs.examples import commands

__all__ = ["console"]

PAGE = ROOT / "docs" / "runbook.md"
NODES = [node(f"snt9b-{number}") for number in (1, 2, 3, 4)]
REPLICAS = {"llava": 1, "qwen2-72b": 2, "qwen2-7b": 4}
"""As the stack prod has them."""

BACK_OFF = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")
NO_HCCN = 'MountVolume.SetUp failed for volume "hccn" : hostPath type check failed: /etc/hccn.conf is not a file'
NO_ADDRESS = (
    "preflight: error: /etc/hccn.conf has no address of an NPU, and 2 NPUs of the service communicate over HCCL;"
    " why: HCCL reads the addresses of the NPUs' network ports from it; without them, a server hangs or returns"
    " garbage; fix: write the addresses on the node with hccn_tool, or correct cluster.platform.hccnConf"
)
"""What the preflight says of an empty file (models/launch/scripts/preflight.py)."""
NOT_FOUND = "ErrImagePull: registry.example.com/ascend-vllm:6.3.912: not found"


def look(item: dict[str, Any], *others: dict[str, Any], **kinds: Any) -> Snapshot:
    """A cluster in which one pod of a service is not as it should be, and others hold NPUs."""
    service = item["metadata"]["labels"]["app.kubernetes.io/instance"]
    return snapshot(
        item,
        deployments=[deployment(service, REPLICAS[service], availableReplicas=0)],
        replica_sets=[replica_set(service)],
        nodes=kinds.pop("nodes", NODES),
        holders=[item, *others],
        **kinds,
    )


def holding(service: str, npus: int, on: str) -> dict[str, Any]:
    return pod(service, npus=npus, node=on, phase="Running", ready=True)


def of_a_node(service: str, npus: int, **statuses: Any) -> dict[str, Any]:
    return pod(service, container(**statuses), npus=npus, node="snt9b-1", phase="Running")


def leaving(seconds: float) -> dict[str, Any]:
    return pod("llava", npus=2, node="snt9b-1", phase="Running", metadata={"deletionTimestamp": ago(seconds)})


def queued() -> Snapshot:
    annotations = {"annotations": {"scheduling.volcano.sh/queue-name": "inference"}}
    waits, other = pod("llava", npus=2, node="", metadata=annotations), holding("qwen2-7b", 4, "snt9b-1")
    other["metadata"] |= annotations
    return look(waits, other, queues=[queue("inference", 4)])


def mounting() -> Snapshot:
    item = of_a_node("llava", 2, state=waiting("ContainerCreating"))
    return look(item, events=[event(item, "FailedMount", NO_HCCN)])


def killed() -> Snapshot:
    item = of_a_node("qwen2-72b", 8, state=running(20), lastState=ended(137), restartCount=1)
    probe = event(item, "Killing", "Container ascend-vllm failed startup probe, will be restarted")
    return look(item, events=[probe])


def contradicted() -> Snapshot:
    end = ended(1)
    end["terminated"]["message"] = NO_ADDRESS
    preflight = container("preflight", state=BACK_OFF, lastState=end, restartCount=3)
    item = pod(
        "llava",
        container(state=waiting("PodInitializing")),
        npus=2,
        node="snt9b-1",
        status={"initContainerStatuses": [preflight]},
    )
    return look(item)


FULL = [holding("llava", 2, "snt9b-1"), *(holding("qwen2-7b", 1, f"snt9b-{number}") for number in (1, 2, 3, 4))]
CRASHED = {"state": BACK_OFF, "lastState": ended(1), "restartCount": 3}

SITUATIONS: dict[str, Sequence[tuple[Snapshot, Sequence[str]]]] = {
    "Pending": [
        (look(pod("qwen2-72b", npus=8, node=""), *FULL), ()),
        (look(pod("llava", npus=2, node=""), nodes=[node("snt9b-1", 0)]), ()),
    ],
    "Queue": [(queued(), ())],
    "Slow start": [
        (
            look(of_a_node("qwen2-72b", 8, state=running(300))),
            ["model_runner.py:1060] Starting to load model", "Loading safetensors checkpoint shards:  37% Completed"],
        ),
        (killed(), ["INFO 11-22 11:55:01 distributed init", "waiting for HCCL"]),
    ],
    "OOM": [
        (
            look(of_a_node("qwen2-7b", 1, **CRASHED)),
            ["RuntimeError: NPU out of memory. Tried to allocate 2.00 GiB (NPU 0; 60.97 GiB total capacity)"],
        ),
        (look(of_a_node("qwen2-72b", 8, state=BACK_OFF, lastState=ended(137, "OOMKilled"), restartCount=2)), ()),
    ],
    "Drain": [(look(leaving(-200)), ()), (look(leaving(600)), ())],
    "Graph cache": [
        (look(of_a_node("llava", 2, **CRASHED)), ["RuntimeError: torchair compile error: shape of weight 12 differs"])
    ],
    "The node": [
        (mounting(), ()),
        (look(of_a_node("llava", 2, state=waiting("ImagePullBackOff", f"Back-off: {NOT_FOUND}"))), ()),
        (contradicted(), (NO_ADDRESS,)),
    ],
}  # fmt: skip
"""By the page's headings, each look at the cluster with the last lines of the pod in trouble."""


def blocks() -> list[tuple[str, int, str]]:
    """The sessions of the page: heading, number below it, text."""
    found = []
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        sessions = re.findall(r"^```session\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
        found += [(part.splitlines()[0], number, text) for number, text in enumerate(sessions)]
    return found


def shown(heading: str, number: int, text: str) -> str:
    """The page with another text in a session."""
    before, title, after = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    parts = after.split("```session\n", number + 1)
    parts[-1] = text + parts[-1][parts[-1].index("```") :]
    return before + title + "```session\n".join(parts)


def test_every_situation_is_on_the_page() -> None:
    told = {(heading, number) for heading, number, _ in blocks()}

    assert told == {(heading, number) for heading, looks in SITUATIONS.items() for number in range(len(looks))}


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block[0]} {block[1] + 1}")
def test_the_page_shows_what_status_says(
    block: tuple[str, int, str], console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, updating: bool
) -> None:
    heading, number, text = block
    now, lines = SITUATIONS[heading][number]

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[FakeReader]:
        yield FakeReader([now], lines=lines)

    monkeypatch.setattr(status, "connected", connected)
    for file in ("Pulumi.prod.yaml", "services.yaml"):
        shutil.copy(ROOT / file, tmp_path / file)
    (command,) = commands(text)
    done = console(*command.line.split()[1:])

    if updating:
        PAGE.write_text(shown(heading, number, f"$ {command.line}\n{done.out}"), encoding="utf-8")
        return

    assert (done.code, done.err) == (1, "")
    assert command.matches(done.out), done.out
