"""What `update: compare` can be combined with."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.service.companion import companion_replicas
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.parse import parse_stack

ENTRY = {
    "image": "quay.io/ascend/vllm-ascend:v0.23.0",
    "model": "/mnt/models/Qwen3-32B",
    "npus": 4,
    "engine": {"maxModelLen": 8192},
}
GROUP = {"nodes": 2, "engine": {"maxModelLen": 8192, "tensorParallelSize": 8}}
LONG = "q" * 59


def stack(services: dict[str, Any], **further: Any) -> ResolvedStack:
    entries = {name: {**ENTRY, **entry} for name, entry in services.items()}
    values = {"cluster": {"context": "prod"}, "services": entries, **further}
    return resolve(parse_stack("prod", "-", values, {}))


def messages(resolved: ResolvedStack) -> list[str]:
    return [finding.message for finding in check(resolved).errors if finding.rule == "update-compare"]


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ({"qwen": {"update": "compare"}}, []),
        ({"qwen": {"update": "inPlace"}, "qwen-next": {}}, []),
        ({"qwen": {"update": {"kind": "compare", "rounds": 0}, "replicas": 0}}, []),
        ({"qwen": {"update": "compare", **GROUP}}, []),
        ({"qwen": {"update": "compare", "rollout": "recreate"}}, []),
        (
            {"qwen": {"update": "compare"}, "qwen-next": {}},
            ["update: compare of qwen starts a service qwen-next, but the stack has a service of this name"],
        ),
        (
            {LONG: {"update": "compare"}},
            [f"update: compare starts a service {LONG}-next, whose name has 64 characters"],
        ),
        (
            {"qwen": {"update": "compare", "replicas": "external"}},
            ["update: compare of qwen, which has replicas: external"],
        ),
        (
            {"qwen": {"update": "compare", "answeredBy": "other"}, "other": {}},
            ["update: compare of qwen, whose requests other answers (answeredBy)"],
        ),
        (
            {"qwen": {"update": "compare"}, "other": {"answeredBy": "qwen"}},
            ["update: compare of qwen, which answers the requests to other (answeredBy)"],
        ),
        (
            {"qwen": {"update": {"kind": "compare", "replicas": 1}, "replicas": 4, "minMember": 2}},
            ["minMember 2 exceeds the update.replicas 1 of qwen"],
        ),
    ],
)
def test_the_next_launch_can_run_beside_the_service_or_check_refuses(
    services: dict[str, Any], expected: list[str]
) -> None:
    assert messages(stack(services)) == expected


def test_a_service_of_a_pair_cannot_be_replaced_alone() -> None:
    services = {"prefill": {"update": "compare"}, "decode": {}}

    assert messages(stack(services, kvTransfer={"prefill": "prefill", "decode": "decode"})) == [
        "update: compare of prefill, which is in kvTransfer"
    ]


def service(**entry: Any) -> ResolvedService:
    (found,) = stack({"qwen": entry}).services
    return found


def test_the_second_service_has_as_many_pods_as_the_service_or_as_many_as_it_says() -> None:
    assert companion_replicas(service(replicas=3)) == 0
    assert companion_replicas(service(replicas=3, update="compare")) == 3
    assert companion_replicas(service(replicas=3, update={"kind": "compare", "replicas": 1})) == 1
