"""Two services that are one in a cluster: whether a request finds a pod for prefill and one for decode that fit."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.kv_transfer import PairState, pair_state
from cluster.live_check import Answers, cluster_findings
from models.manifests.kinds import KTHENA
from models.stack_file.keys.kv_transfer import KvTransfer
from tests.cluster.objects import labels, pod, snapshot
from tests.cluster.test_live_check import KNOWN, NODES, namespace
from tests.models.test_kv_transfer import stack

PAIR = KvTransfer(prefill="front", decode="back")


def paired(service: str, revision: str = "a", *, ready: bool = True, rank: str | None = None) -> dict[str, Any]:
    own = {**labels(service), "ascend-vllm/kv-transfer-revision": revision}
    if rank is not None:
        own["leaderworkerset.sigs.k8s.io/worker-index"] = rank
    return pod(service, ready=ready, metadata={"labels": own})


def state(*pods: dict[str, Any]) -> PairState:
    return pair_state(snapshot(*pods), PAIR)


def test_a_pair_with_a_ready_pod_on_each_side_answers() -> None:
    found = state(paired("front"), paired("front"), paired("back"))

    assert found.answers
    assert found.words == "front and back answer together: 2 pods for prefill, 1 pod for decode"


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        ([paired("back")], "no pod for prefill is ready"),
        ([paired("front", ready=False), paired("back")], "no pod for prefill is ready"),
        ([paired("front"), paired("back", ready=False)], "no pod for decode is ready"),
        ([paired("front", "old"), paired("back", "new")], "belong to different revisions until the update ends"),
    ],
    ids=["none", "starting", "decode starting", "between revisions"],
)
def test_a_pair_that_answers_nothing_says_which_side_is_missing(pods: list[dict[str, Any]], reason: str) -> None:
    found = state(*pods)

    assert not found.answers
    assert reason in found.words


def test_old_pods_answer_while_new_ones_have_no_peer_yet() -> None:
    assert state(paired("front", "old"), paired("front", "new"), paired("back", "old")).answers


def test_a_worker_of_a_group_is_not_asked() -> None:
    assert not state(paired("front"), paired("back", rank="1")).answers
    assert state(paired("front"), paired("back", rank="0"), paired("back", rank="1")).ready_decode == 1


def test_a_pod_that_ends_is_not_asked() -> None:
    ending = paired("back")
    ending["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"

    assert not state(paired("front"), ending).answers


def test_a_cluster_without_the_router_is_a_warning_about_the_pair() -> None:
    answers = Answers(kinds={**KNOWN, KTHENA: frozenset()}, nodes=NODES, namespace=namespace())
    warned = [*cluster_findings(stack(), answers)]

    assert [(one.rule, one.severity) for one in warned] == [("kind-missing", "warning")] * 2
    assert [one.marks[0].path for one in warned] == [("kvTransfer",)] * 2
    assert "install Kthena" in warned[0].fix


def test_a_cluster_with_the_router_has_no_finding() -> None:
    known = {**KNOWN, KTHENA: frozenset({"ModelServer", "ModelRoute"})}

    assert [*cluster_findings(stack(), Answers(kinds=known, nodes=NODES, namespace=namespace()))] == []
