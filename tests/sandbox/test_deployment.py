"""What a deployment shows: Pulumi's counts, and a row for each service."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import engine, services
from sandbox.deployment import in_words, parse_changes
from sandbox.services import ServiceRow

UP = """\
Updating (dev):
 +  kubernetes:core/v1:ConfigMap a created (0.1s) 3 created
Outputs:
    x: "Resources:"

Resources:
    + 2 created
    ~ 1 updated
    +-1 replaced
    4 changes. 3 unchanged

Duration: 1s
"""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (UP, "2 created, 1 updated, 1 replaced, 3 unchanged"),
        ("\nResources:\n    + 5 created\n\nDuration: 4s\n", "5 created"),
        ("\nResources:\n    5 unchanged\n", "5 unchanged"),
        ("\nResources:\n    - 5 deleted\n", "5 deleted"),
        ("", "nothing changed"),
    ],
)
def test_pulumis_counts_are_told_in_its_words(said: str, words: str) -> None:
    assert in_words(parse_changes(said)) == words


def test_a_wait_is_told_with_what_pulumi_last_said_and_not_with_its_dots() -> None:
    said = " +  Deployment tiny created (0.1s) 0/1 starting\n@ updating....\n\n@ updating......\n"

    assert engine._last_line(said) == "+  Deployment tiny created (0.1s) 0/1 starting"
    assert engine._last_line("@ updating...") == "no output yet"


def pod(name: str, node: str | None = "snt9b-1", **more: Any) -> dict[str, Any]:
    labels = more.get("labels", {"app": "qwen2-7b"})
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": more.get("namespace", "inference"), "labels": labels},
        "spec": {
            "containers": [{"resources": {"requests": {"huawei.com/ascend-1980": "4", "cpu": "1"}}}],
            **({"nodeName": node} if node else {}),
        },
        "status": more.get("status", {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
    }


SERVICE: dict[str, Any] = {
    "kind": "Service",
    "metadata": {"name": "qwen2-7b", "namespace": "inference"},
    "spec": {"selector": {"app": "qwen2-7b"}},
}
URL = "http://qwen2-7b.inference.svc:8080"
PENDING = {"phase": "Pending"}
PULLING = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}
LEAVING = {"metadata": {**pod("c")["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


@pytest.mark.parametrize(
    ("reason", "objects", "expected"),
    [
        ("one ready pod", [SERVICE, pod("a")], ("1/1", "Running", "snt9b-1", "4")),
        ("two nodes", [SERVICE, pod("a"), pod("b", "snt9b-2")], ("2/2", "Running", "snt9b-1,snt9b-2", "8")),
        ("no room", [SERVICE, pod("a", None, status=PENDING)], ("0/1", "Pending", "-", "4")),
        ("no image", [SERVICE, pod("a", status=PULLING)], ("0/1", "ImagePullBackOff", "snt9b-1", "4")),
        ("a pod on its way out", [SERVICE, pod("a"), {**pod("c"), **LEAVING}], ("1/1", "Running", "snt9b-1", "4")),
        ("pods of others", [SERVICE, pod("a", namespace="x"), pod("b", labels={})], ("0/0", "no pod", "-", "0")),
        ("no Service", [pod("a")], ("0/0", "no pod", "-", "0")),
    ],
)
def test_a_service_is_shown_by_the_pods_behind_its_url(
    reason: str, objects: list[dict[str, Any]], expected: tuple[str, str, str, str]
) -> None:
    assert services.row("qwen2-7b", URL, objects) == ServiceRow("qwen2-7b", *expected, URL), reason


def test_the_workers_of_a_leader_are_shown_with_it() -> None:
    name, rank = "leaderworkerset.sigs.k8s.io/name", "leaderworkerset.sigs.k8s.io/worker-index"
    leaders = {**SERVICE, "spec": {"selector": {name: "qwen2-7b-group", rank: "0"}}}
    leader = pod("a", labels={name: "qwen2-7b-group", rank: "0"})
    worker = pod("b", "snt9b-2", labels={name: "qwen2-7b-group", rank: "1"})

    shown = services.row("qwen2-7b", URL, [leaders, leader, worker])

    assert shown == ServiceRow("qwen2-7b", "2/2", "Running", "snt9b-1,snt9b-2", "8", URL)


def test_the_table_is_aligned_and_has_no_trailing_blanks() -> None:
    rows = [
        ServiceRow("qwen2-7b", "1/1", "Running", "ascend-1", "1", URL),
        ServiceRow("b", "0/1", "Pending", "-", "8", "-"),
    ]

    assert services.table(rows).splitlines() == [
        "NAME      READY  STATUS   NODE      NPUS  URL",
        f"qwen2-7b  1/1    Running  ascend-1  1     {URL}",
        "b         0/1    Pending  -         8     -",
    ]
