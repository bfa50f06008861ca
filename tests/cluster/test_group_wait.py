"""Services over several nodes: what is read of them, and how `up` waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from cluster.api.errors import ClusterError
from cluster.service import look, settled_names, state_of
from cluster.snapshot import Snapshot
from cluster.update.order import is_placed
from cluster.update.wait import Awaited, NotReadyError, wait_until_ready
from tests.cluster.group_objects import group, group_set, member, recreation
from tests.cluster.objects import snapshot, waiting
from tests.cluster.reader import FakeReader, FakeTime
from tests.cluster.test_groups import HCCL, SERVICE, seen


def test_a_service_that_is_not_deployed_and_a_cluster_without_the_controller_differ() -> None:
    empty = snapshot()
    without = snapshot(unread={"leaderworkersets": "unknown"}, unknown_kinds=frozenset({"leaderworkersets"}))

    for item, rule in ((empty, "not-deployed"), (without, "no-leader-worker-set")):
        finding = state_of(SERVICE, item).finding
        assert finding is not None
        assert finding.rule == rule


def test_a_cluster_without_the_controller_is_read_all_the_same() -> None:
    class Without(FakeReader):
        async def leader_worker_sets(self) -> list[Any]:
            raise ClusterError("the cluster does not know this kind", "install", unknown_kind=True)

    reader = Without([snapshot(deployments=[])])

    snapshot_, states = asyncio.run(look(reader, [SERVICE], wide=True))

    assert states[0].finding
    assert states[0].finding.rule == "no-leader-worker-set"
    assert "leaderworkersets" in snapshot_.unread
    assert asyncio.run(settled_names(reader, [SERVICE])) == set()


def test_leader_worker_sets_are_not_read_for_stacks_without_groups() -> None:
    reader = FakeReader([snapshot(deployments=[])])

    asyncio.run(look(reader, [replace(SERVICE, nodes=1)], wide=True))
    asyncio.run(settled_names(reader, [replace(SERVICE, nodes=1)]))

    assert "sets" not in reader.calls
    assert "pods" not in reader.calls


def test_the_log_of_a_ready_worker_is_read_while_its_leader_is_not_ready() -> None:
    reader = FakeReader([seen(member(0, ready=False), member(1, node="node-2"))], lines=(HCCL,))

    asyncio.run(look(reader, [SERVICE], wide=True))

    assert [log[0] for log in reader.logs_asked] == ["deepseek-group-0", "deepseek-group-0-1"]


def wait_for(looks: list[Snapshot], time: FakeTime, timeout: int = 600) -> list[str]:
    lines: list[str] = []
    reader = FakeReader(looks)
    awaited = [Awaited(SERVICE, timeout)]
    asyncio.run(wait_until_ready(reader, awaited, lambda name, line: lines.append(f"{name} {line}"), time.clock))
    return lines


def test_up_waits_until_all_members_are_ready_and_reports_the_member_that_is_not() -> None:
    pulling = {"name": "ascend-vllm", "ready": False, "state": waiting("ContainerCreating")}
    starting = seen(
        member(0, ready=False), member(1, pulling, node="node-2", ready=False),
        group_sets=[group_set(readyReplicas=0, conditions=())],
    )  # fmt: skip

    lines = wait_for([starting, starting, seen(*group())], FakeTime())

    assert lines[0].startswith("deepseek 0/1 groups: worker 1 on node-2 keeps the group back: ")
    assert lines[-1] == "deepseek ready"


@pytest.mark.parametrize("patience", [0, 60])
def test_up_ends_for_groups_that_cannot_become_ready(patience: int) -> None:
    if patience == 0:
        events = [recreation("deepseek-group-0-1", seconds) for seconds in (3, 5, 7)]
        hopeless = seen(*group(ready=False), events=events, group_sets=[group_set(readyReplicas=0)])
    else:
        waits = group_set(conditions=("UpdateInProgress",), replicas=2, updatedReplicas=0, readyReplicas=1)
        hopeless = seen(*group(revision="old"), *group(1, nodes=("", "")), group_sets=[waits])
    time = FakeTime()

    with pytest.raises(NotReadyError, match="deepseek cannot start"):
        wait_for([hopeless], time)

    assert patience <= time.now < patience + 10


def test_a_group_is_placed_when_all_its_members_have_nodes() -> None:
    unready = group_set(readyReplicas=0, conditions=())

    assert is_placed(SERVICE, seen(*group(ready=False), group_sets=[unready]))
    assert not is_placed(SERVICE, seen(member(0), group_sets=[unready]))
    assert not is_placed(SERVICE, seen(*group(nodes=("node-1", "")), group_sets=[unready]))
