"""What the page on groups shows of `status` is what `status` says; tests/e2e/test_groups.py has the real controller."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.commands import status
from cluster.snapshot import Snapshot
from tests.cli.conftest import Console, console
from tests.cluster.group_objects import group, group_set, member, recreation, stateful_set_event
from tests.cluster.objects import ago, node, snapshot
from tests.cluster.reader import FakeReader
from tests.conftest import ROOT
from tests.docs.examples import commands

__all__ = ["console"]

PAGE = ROOT / "docs" / "stuck-groups.md"
STACK = """
config:
  ascend-vllm:cluster: {context: prod, namespace: inference}
  ascend-vllm:services:
    deepseek-v3:
      image: quay.io/ascend/vllm-ascend:v0.23.0-a3
      model: /mnt/models/DeepSeek-V3.2-W8A8
      nodes: 2
      npus: 16
      engine: {maxModelLen: 65536, tensorParallelSize: 16, dataParallelSize: 2, enableExpertParallel: true}
"""
NAME = "deepseek-v3"
NODES = [node(f"a3-{number}", 16) for number in (1, 2, 3, 4)]
REPORT = [
    "group: the server of rank 1 ended with code 1 first (attempt 2 of 5)",
    "group: rank 1: EI0001: HCCL_SOCKET_IFNAME eth1 not found",
]
HCCL = "EI0001: HCCL_SOCKET_IFNAME eth1 not found"
NOTICED = "RuntimeError: EI0006: Getting socket times out. Reason: Remote Rank did not send the data in time"


def look(*pods: dict[str, Any], replicas: int = 1, nodes: Sequence[Any] = NODES, **parts: Any) -> Snapshot:
    """A cluster with the pods of the service; the other arguments are those of the set, or lists of the snapshot."""
    kinds = {kind: parts.pop(kind) for kind in ("events", "holders") if kind in parts}
    parts.setdefault("conditions", ())
    return snapshot(*pods, leader_worker_sets=[group_set(NAME, replicas, **parts)], nodes=[*nodes], **kinds)


def members(index: int, nodes: tuple[str, str], **parts: Any) -> list[dict[str, Any]]:
    return group(index, nodes, service=NAME, npus=16, **parts)


def other(on: str) -> dict[str, Any]:
    return member(service="qwen3", size=1, npus=16, node=on)


def waits_for_nodes() -> Snapshot:
    return look(*members(0, ("", "")), holders=[other(f"a3-{number}") for number in (1, 2, 3)], readyReplicas=0)


def waits_for_surge() -> Snapshot:
    old = members(0, ("a3-1", "a3-2"), revision="old")
    taken = [*old, other("a3-3"), other("a3-4")]
    return look(
        *old, *members(1, ("", ""), seconds=60),
        holders=taken, surge=1, replicas=1, conditions=("UpdateInProgress",), updatedReplicas=0,
    )  # fmt: skip


def waits_for_group() -> Snapshot:
    old = [*members(0, ("a3-1", "a3-2"), revision="old"), *members(1, ("a3-3", "a3-4"), revision="old")]
    return look(
        *old, *members(2, ("", ""), seconds=60),
        holders=old, replicas=3, conditions=("UpdateInProgress",), updatedReplicas=1, readyReplicas=2,
    )  # fmt: skip


def one_member_fails() -> Snapshot:
    pods = [
        member(0, service=NAME, npus=16, node="a3-3", ready=False),
        member(1, service=NAME, npus=16, node="a3-4"),
    ]
    return look(*pods, readyReplicas=0)


def recreated() -> Snapshot:
    events = []
    for seconds in (4, 6, 8, 10, 12):
        event = recreation(f"{NAME}-group-0-1", seconds)
        event["involvedObject"] = {"kind": "LeaderWorkerSet", "name": f"{NAME}-group", "uid": f"set-{NAME}"}
        event["message"] = event["message"].replace("deepseek-group-0 to", f"{NAME}-group-0 to")
        events.append(event)
    return look(*members(0, ("a3-3", "a3-4"), ready=False, seconds=2), events=events, readyReplicas=0)


def silent() -> Snapshot:
    gone = {"metadata": {"deletionTimestamp": ago(240)}}
    pods = [
        member(0, service=NAME, npus=16, node="a3-3", **gone),
        member(1, service=NAME, npus=16, node="a3-4", ready=False, **gone),
    ]
    unknown = node("a3-4", 16, ready="Unknown")
    unknown["status"]["conditions"][0]["message"] = "Kubelet stopped posting node status."
    return look(*pods, nodes=[*NODES[:3], unknown], readyReplicas=0)


def without_controller() -> Snapshot:
    text = (
        f"create Pod {NAME}-group-0 in StatefulSet {NAME}-group failed error: Internal error occurred: failed calling"
        ' webhook "mpod.kb.io": failed to call webhook: Post "https://lws-webhook-service.lws-system.svc:443/mutate--v1'
        '-pod?timeout=10s": dial tcp 10.96.7.1:443: connect: connection refused'
    )
    return look(events=[stateful_set_event(f"{NAME}-group", "FailedCreate", text)], conditions=("Available",))


SITUATIONS: dict[str, Sequence[tuple[Snapshot, dict[str, Sequence[str]]]]] = {
    "No nodes": [(waits_for_nodes(), {})],
    "An update that waits": [(waits_for_surge(), {}), (waits_for_group(), {})],
    "A member that fails": [
        (one_member_fails(), {f"{NAME}-group-0": [*REPORT, NOTICED], f"{NAME}-group-0-1": [HCCL]}),
        (recreated(), {}),
    ],
    "A silent node": [(silent(), {})],
    "The controller": [(without_controller(), {})],
}
"""By the page's headings, each look at the cluster with the logs of the pods."""


class Logs(FakeReader):
    """Returns the log of each pod."""

    def __init__(self, look: Snapshot, logs: dict[str, Sequence[str]]) -> None:
        super().__init__([look])
        self._logs = logs

    async def log(self, pod: str, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        return tuple(self._logs.get(pod, ()))


def sessions() -> list[tuple[str, int, str]]:
    """The sessions of the page: heading, number below it, text."""
    found = []
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        texts = re.findall(r"^```session\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
        found += [(part.splitlines()[0], number, text) for number, text in enumerate(texts)]
    return found


def with_output(heading: str, number: int, text: str) -> str:
    """The page with another text in a session."""
    before, title, after = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    parts = after.split("```session\n", number + 1)
    parts[-1] = text + parts[-1][parts[-1].index("```") :]
    return before + title + "```session\n".join(parts)


def test_every_situation_is_on_the_page() -> None:
    on_page = {(heading, number) for heading, number, _ in sessions()}

    assert on_page == {(heading, number) for heading, looks in SITUATIONS.items() for number in range(len(looks))}


@pytest.mark.parametrize("session", sessions(), ids=lambda session: f"{session[0]} {session[1] + 1}")
def test_the_page_shows_what_status_says(
    session: tuple[str, int, str], console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, updating: bool
) -> None:
    heading, number, text = session
    now, logs = SITUATIONS[heading][number]

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[FakeReader]:
        yield Logs(now, logs)

    monkeypatch.setattr(status, "connected", connected)
    (tmp_path / "Pulumi.prod.yaml").write_text(STACK, encoding="utf-8")
    (command,) = commands(text)
    done = console(*command.line.split()[1:])

    if updating:
        PAGE.write_text(with_output(heading, number, f"$ {command.line}\n{done.out}"), encoding="utf-8")
        return

    assert (done.code, done.err) == (1, "")
    assert command.matches(done.out), done.out
