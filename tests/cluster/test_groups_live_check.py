"""`check --live` of stacks with services over several nodes: the controller, gang scheduling, room for a group."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cluster.api.errors import ClusterError
from cluster.groups.live_check import GroupAnswers, group_findings, read_group_answers
from models.service.resolved import ResolvedStack
from tests.cluster.objects import node
from tests.conftest import stack_of

REFUSED = (
    'Internal error occurred: failed calling webhook "mleaderworkerset.kb.io": Post "https://lws": connection refused'
)


def stack(nodes: int = 2) -> ResolvedStack:
    return stack_of(f"""deepseek:
  image: quay.io/ascend/vllm-ascend:v0.23.0
  model: /mnt/models/DeepSeek-V3-W8A8
  nodes: {nodes}
  npus: 8
  engine: {{maxModelLen: 8192}}
""")


@dataclass
class Api:
    """Answers dry runs as the API server does with the controller's webhooks."""

    known: frozenset[str] = frozenset({"LeaderWorkerSet"})
    defaults: bool = True
    gang: bool = True
    error: ClusterError | None = None
    asked: list[str] = field(default_factory=list)

    async def kinds(self, group: str) -> frozenset[str]:
        assert group == "leaderworkerset.x-k8s.io/v1"
        return self.known

    async def dry_run(self, plural: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(plural)
        if self.error:
            raise self.error
        if plural == "leaderworkersets":
            policy = {"networkConfig": {"subdomainPolicy": "Shared"}} if self.defaults else {}
            return {**item, "spec": {**item["spec"], **policy}}
        group = {"scheduling.k8s.io/group-name": "probe-0-0"} if self.gang else {}
        return {**item, "metadata": {**item["metadata"], "annotations": group}}


def rules(answers: GroupAnswers, nodes: list[Any] | None = None, size: int = 2) -> list[str]:
    return [finding.rule for finding in group_findings(stack(size), answers, nodes)]


@pytest.mark.parametrize(
    ("api", "rule"),
    [
        (Api(), None),
        (Api(known=frozenset()), "no-leader-worker-set"),
        (Api(defaults=False), "group-controller-down"),
        (Api(error=ClusterError(REFUSED, "wait", passing=True)), "group-controller-down"),
        (Api(gang=False), "gang-scheduling-off"),
    ],
    ids=["all well", "not installed", "definitions only", "down", "no gangs"],
)
def test_the_controller_of_groups_is_asked_without_creating_anything(api: Api, rule: str | None) -> None:
    answers = asyncio.run(read_group_answers(api))

    assert rules(answers) == ([rule] if rule else [])


def test_a_user_who_may_not_create_sets_is_told_what_was_not_read() -> None:
    api = Api(error=ClusterError("not allowed to create leaderworkersets (dry run): no", "ask", forbidden=True))

    answers = asyncio.run(read_group_answers(api))

    assert answers.unread == {"the LeaderWorkerSet controller": "not allowed to create leaderworkersets (dry run): no"}
    assert rules(answers) == []


def test_an_outage_is_no_finding_about_the_controller() -> None:
    api = Api(error=ClusterError("the API server does not answer", "wait", passing=True))

    with pytest.raises(ClusterError):
        asyncio.run(read_group_answers(api))


def test_a_group_needs_as_many_nodes_as_it_has_pods() -> None:
    nodes = [node("node-1"), node("node-2", npus=4), node("node-3")]

    assert rules(GroupAnswers(), nodes) == []
    (finding,) = group_findings(stack(3), GroupAnswers(), nodes)
    assert finding.message == "a group of deepseek needs 3 nodes with 8 NPUs each, and the cluster has 2"
    assert finding.marks[0].path == ("services", "deepseek", "nodes")


def test_a_stack_without_groups_does_not_need_the_controller() -> None:
    assert rules(GroupAnswers(is_installed=False), [node()], size=1) == []
