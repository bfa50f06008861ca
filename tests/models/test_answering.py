"""A service whose requests the pods of another service answer."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.manifests import service_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.parse import parse_stack
from plan.planner import UpdatePlan, plan_update
from plan.stacks import Differences, packed, transition
from review import compare

ENTRY = {
    "image": "quay.io/ascend/vllm-ascend:v0.23.0",
    "model": "/mnt/models/Qwen3-32B",
    "npus": 4,
    "engine": {"maxModelLen": 8192},
}
GROUP = {**ENTRY, "nodes": 2, "engine": {"maxModelLen": 8192, "tensorParallelSize": 8}}
POOLS = {"snt9b": {"nodes": 2, "npusPerNode": 4, "npuMemory": "64Gi"}}


def stack(qwen: dict[str, Any], following: dict[str, Any] | None = None) -> ResolvedStack:
    services = {"qwen": {**ENTRY, **qwen}, "qwen-next": {**ENTRY, **(following or {})}}
    values = {"cluster": {"context": "prod", "pools": POOLS}, "services": services}
    return resolve(parse_stack("prod", "-", values, {}))


def objects(resolved: ResolvedStack) -> dict[str, Any]:
    service = resolved.service("qwen")
    assert service is not None
    return {item["kind"]: item for item in service_objects(service)}


def messages(resolved: ResolvedStack) -> list[str]:
    return [finding.message for finding in check(resolved).errors if finding.rule == "answered-by"]


def test_only_the_selector_of_the_service_changes() -> None:
    before = objects(stack({}))
    after = objects(stack({"answeredBy": "qwen-next"}))

    changed = [kind for kind in before if before[kind] != after[kind]]
    assert changed == ["Service"]
    assert after["Service"]["spec"]["selector"]["app.kubernetes.io/instance"] == "qwen-next"
    assert after["Service"]["metadata"] == before["Service"]["metadata"]
    assert after["Service"]["spec"]["ports"] == before["Service"]["spec"]["ports"]


def test_of_a_group_the_leaders_answer() -> None:
    selector = objects(stack({"answeredBy": "qwen-next"}, GROUP))["Service"]["spec"]["selector"]

    assert selector == {
        "leaderworkerset.sigs.k8s.io/name": "qwen-next-group",
        "leaderworkerset.sigs.k8s.io/worker-index": "0",
    }


@pytest.mark.parametrize(
    ("qwen", "following", "expected"),
    [
        ({"answeredBy": "qwen-next"}, {}, []),
        ({"answeredBy": "qwen-next", "replicas": 0}, {}, []),
        ({"answeredBy": "qwen-next"}, {"replicas": "external"}, []),
        ({"answeredBy": "gone"}, {}, ["answeredBy names the service gone, which the stack does not have"]),
        ({"answeredBy": "qwen"}, {}, ["answeredBy of qwen names qwen itself"]),
        (
            {"answeredBy": "qwen-next"},
            {"replicas": 0},
            ["answeredBy names the service qwen-next, which has 0 replicas"],
        ),
        (
            {"answeredBy": "qwen-next"},
            {"server": {"apiKey": {"secret": "keys", "key": "qwen"}}},
            ["qwen and qwen-next have different API keys"],
        ),
        (
            {"answeredBy": "qwen-next"},
            {"model": "/mnt/models/Qwen3-32B-W8A8"},
            ["qwen serves the model /mnt/models/Qwen3-32B, qwen-next does not"],
        ),
        (
            {"answeredBy": "qwen-next"},
            {"server": {"extraArgs": {"sslCertfile": "/c.pem", "sslKeyfile": "/k.pem"}}},
            ["only one of qwen and qwen-next has certificates"],
        ),
    ],
)
def test_clients_notice_nothing_or_check_refuses(
    qwen: dict[str, Any], following: dict[str, Any], expected: list[str]
) -> None:
    assert messages(stack(qwen, following)) == expected


@pytest.mark.parametrize(("qwen", "down"), [({}, {"qwen"}), ({"answeredBy": "qwen-next"}, set())])
def test_a_service_that_another_one_answers_has_no_downtime(qwen: dict[str, Any], down: set[str]) -> None:
    old = stack(qwen)
    new = stack({**qwen, "image": "quay.io/ascend/vllm-ascend:v0.18.0"})

    change = compare(old, new)
    planned = plan_update(transition(old, new, Differences(restarting={"qwen"}), packed(old, new)))

    assert {service.name for service in change.down} == down
    assert isinstance(planned, UpdatePlan)
    assert set(planned.downtime) == down
