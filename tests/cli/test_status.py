"""`status`: the table, the JSON, the exit codes; the cluster is one of the test's."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli import watch
from cli.commands import status
from cli.output.status import VERSION
from cluster.api.errors import ClusterError
from cluster.api.outage import Contact
from cluster.snapshot import Snapshot
from tests.cli.conftest import GOLDEN, Console
from tests.cluster.objects import NOW, container, deployment, ended, node, pod, replica_set, snapshot, waiting
from tests.cluster.reader import GONE, FakeReader

STACK = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    crashing: {image: a:1, model: /m/A, engine: {maxModelLen: 4096}}
    gone: {image: a:1, model: /m/A, engine: {maxModelLen: 4096}}
    qwen2-72b: {image: a:1, model: /m/B, npus: 8, engine: {maxModelLen: 4096}}
    well: {image: a:1, model: /m/A, engine: {maxModelLen: 4096}}
"""
HEADER = "SERVICE  READY  UPDATED  STATE    AGE"
LOG = ["args: --api-key=sk-1", "OSError: [Errno 98] Address already in use"]


def a_cluster() -> Snapshot:
    back_off = {"state": waiting("CrashLoopBackOff"), "lastState": ended(1), "restartCount": 3}
    crashing = pod("crashing", container(**back_off), phase="Running", node="node-2")
    pending = pod("qwen2-72b", npus=8, node="")
    made = [deployment("crashing", availableReplicas=0), deployment("qwen2-72b", availableReplicas=0)]
    llava = pod("llava", npus=2, node="node-1", phase="Running", ready=True)
    return snapshot(
        crashing, pending, deployments=[*made, deployment("well", replicas=2)],
        replica_sets=[replica_set("crashing"), replica_set("qwen2-72b")],
        nodes=[node("node-1"), node("node-2")], holders=[llava, crashing],
    )  # fmt: skip


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """A stack and its cluster; what it was connected with."""
    (tmp_path / "prod.yaml").write_text(STACK, encoding="utf-8")
    asked: list[tuple[str, str]] = []

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[FakeReader]:
        asked.append((context, namespace))
        yield FakeReader([a_cluster()], lines=LOG)

    monkeypatch.setattr(status, "connected", connected)
    return asked


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_status_of_a_stack_is_exactly_like_this(
    form: str, console: Console, cluster: list[tuple[str, str]], golden: Callable[[Path, str], None]
) -> None:
    done = console("status", "prod.yaml", "--format", form)

    assert (done.code, done.err) == (1, "")
    golden(GOLDEN / f"status.{form}", done.out)
    assert cluster == [("prod", "inference")]


def test_a_service_with_schema_errors_is_not_silently_left_out(
    console: Console, cluster: list[tuple[str, str]], tmp_path: Path
) -> None:
    broken = "    broken: {image: a:1, model: /m/A, engine: {maxModelLen: many}}\n"
    only_well = "".join(line for line in STACK.splitlines(True) if not re.match("    (crash|gone|qwen)", line))
    (tmp_path / "prod.yaml").write_text(only_well + broken, encoding="utf-8")
    done = console("status", "prod.yaml")

    assert done.err == "not shown until its schema errors are fixed: broken\n"
    assert done.code == 3


def test_json_is_a_contract_with_a_version(console: Console, cluster: list[tuple[str, str]]) -> None:
    found = json.loads(console("status", "prod.yaml", "--format", "json").out)

    assert found.keys() == {"version", "stack", "context", "namespace", "services", "kvTransfer", "unread"}
    assert found["version"] == VERSION == 2
    for service in found["services"]:
        assert service.keys() == {
            *("name", "ready", "updated", "replicas", "unit", "state", "since", "npus", "nodes", "url", "diagnosis")
        }
        if service["diagnosis"]:
            assert service["diagnosis"].keys() == {"rule", "severity", "message", "why", "fix", "pod", "log"}


def test_services_that_are_named_are_the_only_ones(console: Console, cluster: list[tuple[str, str]]) -> None:
    done = console("status", "prod.yaml", "well")

    assert (done.code, done.out.splitlines()) == (0, [HEADER, "well     2/2    2/2      Running"])


def test_brief_is_the_table_only(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    lines = console("status", "prod.yaml", "--brief").out.splitlines()

    assert [line.split()[0] for line in lines] == ["SERVICE", "crashing", "gone", "qwen2-72b", "well"]
    assert lines[3].split("  ")[-1] == (
        "no node has 8 free NPUs: node-1 is held by llava (2), node-2 is held by crashing (1)"
    )


def test_messages_stand_below_their_rows_where_a_line_has_no_room(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = console("status", "prod.yaml", "--brief").out.splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[5:8] == [
        "qwen2-72b  0/1    0/1      Pending           8 min",
        "    no node has 8 free NPUs: node-1 is held by llava (2), node-2 is held by",
        "    crashing (1)",
    ]


def a_rolling_update() -> Snapshot:
    """A new pod that finds no node, while the old one serves."""
    old = pod("well", node="node-1", phase="Running", ready=True, metadata=owned_by("rs-old", "well-old"))
    new = pod("well", npus=8, node="", metadata=owned_by("rs-new", "well-new"))
    return snapshot(
        old, new, nodes=[node("node-1"), node("node-2", ready="Unknown")],
        deployments=[deployment("well", replicas=1) | {"status": ROLLING}],
        replica_sets=[replica_set("well", 1, "rs-old"), replica_set("well", 2, "rs-new")],
    )  # fmt: skip


ROLLING = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


def owned_by(replica_set_uid: str, name: str) -> dict[str, object]:
    owner = {"kind": "ReplicaSet", "name": replica_set_uid, "uid": replica_set_uid}
    return {"name": name, "ownerReferences": [owner]}


def test_a_service_whose_old_pod_serves_during_an_update_is_ready_and_not_updated(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, FakeReader([a_rolling_update()]))
    text = console("status", "prod.yaml", "well", "--brief")
    (service,) = json.loads(console("status", "prod.yaml", "well", "-o", "json").out)["services"]

    assert text.code == 1
    assert text.out.splitlines()[1] == "well     1/1    0/1      Pending  8 min"
    assert (service["ready"], service["updated"], service["replicas"]) == (1, 0, 1)


def test_wide_adds_nodes_npus_and_the_address(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show(monkeypatch, FakeReader([a_rolling_update()]))
    header, row = console("status", "prod.yaml", "well", "--brief", "-o", "wide").out.splitlines()

    assert header.split() == ["SERVICE", "READY", "UPDATED", "STATE", "AGE", "NODE", "NPUS", "URL", "MESSAGE"]
    assert row.split()[5:9] == ["min", "node-1", "1", "http://well.inference.svc:8080"]


def test_a_row_that_is_wider_than_the_terminal_is_stacked(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    show(monkeypatch, FakeReader([a_rolling_update()]))
    lines = console("status", "prod.yaml", "well", "--brief", "-o", "wide").out.splitlines()

    assert max(map(len, lines)) <= 60
    assert lines[:3] == ["well", "    READY    1/1", "    UPDATED  0/1"]
    assert "    URL      http://well.inference.svc:8080" in lines


def test_watch_shows_every_change_and_survives_an_outage(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = snapshot(deployments=[deployment("well", replicas=1)])
    reader = FakeReader([GONE])
    looks = iter([a_rolling_update(), settled, GONE, settled, a_rolling_update()])
    show(monkeypatch, reader)

    async def next_look(_: float) -> None:
        """Prepare the next look instead of a pause; after the last one, the user presses Ctrl-C."""
        following = next(looks, None)
        if following is None:
            raise asyncio.CancelledError
        reader.looks = [following]

    monkeypatch.setattr(watch.asyncio, "sleep", next_look)
    done = console("status", "prod.yaml", "well", "--brief", "--watch")

    rows = [line for line in done.out.splitlines() if line.startswith("well")]
    assert [row.split()[1:4] for row in rows] == [
        ["1/1", "0/1", "Pending"],
        ["1/1", "1/1", "Running"],
        ["1/1", "0/1", "Pending"],
    ]
    assert done.code == 1


def test_an_outage_is_reported_with_its_length_and_what_happens_next(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FakeReader([GONE])
    reader.contact = Contact(now=iter(range(0, 1000, 6)).__next__)
    reader.contact.request_sent()
    show(monkeypatch, reader)
    done = console("status", "prod.yaml")

    assert (done.code, done.out) == (3, "")
    assert done.err.splitlines() == [
        "the API server of 'prod' has not answered for 6 s; status gives up after 15 s without an answer",
        "error: the API server does not answer",
        "fix: wait; the services keep running, and ascend-vllm status prod.yaml --watch asks until it answers",
    ]


def show(monkeypatch: pytest.MonkeyPatch, reader: FakeReader) -> None:
    """Let the commands read a cluster through this reader."""

    @asynccontextmanager
    async def connected(*_: str) -> AsyncIterator[FakeReader]:
        yield reader

    monkeypatch.setattr(status, "connected", connected)


def test_secrets_of_the_log_are_not_shown(console: Console, cluster: list[tuple[str, str]]) -> None:
    for form in ("text", "json"):
        assert "sk-1" not in console("status", "prod.yaml", "--format", form).out


def test_a_service_that_the_stack_does_not_have_is_wrong_usage(
    console: Console, cluster: list[tuple[str, str]]
) -> None:
    done = console("status", "prod.yaml", "nobody")

    assert (done.code, done.out) == (2, "")
    assert "fix: name one of: crashing, gone, qwen2-72b, well" in done.err
    assert cluster == []


def test_a_cluster_that_does_not_answer_ends_with_3(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def connected(context: str, _: str) -> AsyncIterator[FakeReader]:
        raise ClusterError(f"the API server of {context!r} does not answer", "see the network")
        yield FakeReader([])

    monkeypatch.setattr(status, "connected", connected)
    done = console("status", "prod.yaml")

    assert (done.code, done.out) == (3, "")
    assert done.err == "error: the API server of 'prod' does not answer\nfix: see the network\n"


def test_kinds_that_may_not_be_read_are_listed(
    console: Console, cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def connected(*_: str) -> AsyncIterator[FakeReader]:
        yield FakeReader(
            [Snapshot(NOW, "inference", (deployment("well"),), unread={"nodes": "not allowed to list nodes"})]
        )

    monkeypatch.setattr(status, "connected", connected)
    done = console("status", "prod.yaml", "well")

    assert (done.code, done.out.splitlines()) == (0, [HEADER, "well     1/1    1/1      Running"])
    assert done.err == "not read: nodes: not allowed to list nodes\n"


def test_a_kubeconfig_without_the_context_ends_with_3_and_no_traceback(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prod.yaml").write_text(STACK, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    done = console("status", "prod.yaml")

    assert done.code == 3
    assert done.err.startswith("error: the kubeconfig has no context 'prod', which cluster.context names\nfix: ")


PAIRED = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:kvTransfer: {prefill: front, decode: back}
  ascend-vllm:services:
    front: &server
      image: quay.io/ascend/vllm-ascend:v0.23.0
      model: /mnt/models/Qwen3-32B
      npus: 4
      engine: {maxModelLen: 32768}
    back: *server
"""


@pytest.mark.parametrize(("ready", "code", "words"), [(True, 0, "answer together"), (False, 1, "answer nothing")])
def test_a_pair_is_shown_as_one(
    ready: bool, code: int, words: str, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prod.yaml").write_text(PAIRED, encoding="utf-8")
    found = snapshot(
        pod("front", container(ready=ready), phase="Running", ready=ready),
        pod("back", container(ready=True), phase="Running", ready=True),
        deployments=[deployment("front", availableReplicas=int(ready)), deployment("back")],
        replica_sets=[replica_set("front"), replica_set("back")],
        nodes=[node()],
    )

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[FakeReader]:
        yield FakeReader([found], lines=[])

    monkeypatch.setattr(status, "connected", connected)
    shown = console("status", "prod.yaml", "--brief")
    document = json.loads(console("status", "prod.yaml", "--format", "json").out)

    assert shown.code == code
    assert words in shown.out
    assert document["kvTransfer"]["answers"] is ready


def test_the_pair_is_not_judged_if_only_one_service_is_shown(
    console: Console, cluster: list[tuple[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "prod.yaml").write_text(PAIRED, encoding="utf-8")

    assert "answer" not in console("status", "prod.yaml", "front", "--brief").out
