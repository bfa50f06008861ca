"""How services are updated: what follows from pools, replicas and gangs, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.manifests.deployment import strategy
from models.service.deadlines import downtime, grace_period, progress_deadline, update_timeout
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text


def stack(services: dict[str, str], nodes: int = 2, cluster: str = "") -> ResolvedStack:
    """Services of Qwen2-7B by name, each with its NPUs and what else is given."""
    pools = f"    pools: {{p: {{nodes: {nodes}, npusPerNode: 8, npuMemory: 64Gi}}}}\n" if nodes else ""
    text = f"config:\n  ascend-vllm:cluster:\n    context: prod\n{pools}{cluster}  ascend-vllm:services:\n"
    for name, given in services.items():
        text += f"    {name}: {{image: 'a:1', model: /m/Qwen2-7B, engine: {{maxModelLen: 4096}}, {given}}}\n"
    return resolve(load_text("test", "Pulumi.test.yaml", text))


def rollouts(resolved: ResolvedStack) -> dict[str, tuple[Any, ...]]:
    assert resolved.findings == ()
    return {service.name: tuple(dict(service.rollout).values()) for service in resolved.services}


RECREATE = ("recreate",)
SURGE = ("rollingUpdate", 1, 0)
ONE_BY_ONE = ("rollingUpdate", 0, 1)


@pytest.mark.parametrize(
    ("services", "nodes", "expected", "reason"),
    [
        ({"a": "npus: 8"}, 2, {"a": SURGE}, "the other node is free"),
        ({"a": "npus: 8"}, 1, {"a": RECREATE}, "the only node is taken"),
        ({"a": "npus: 8, replicas: 2"}, 2, {"a": ONE_BY_ONE}, "one pod after the other goes on answering"),
        ({"a": "npus: 8, replicas: 2"}, 3, {"a": SURGE}, "a third node is free"),
        ({"a": "npus: 8", "b": "npus: 1"}, 2, {"a": RECREATE, "b": SURGE}, "b is on the node that a would need"),
        ({"a": "npus: 8", "b": "npus: 8"}, 3, {"a": SURGE, "b": RECREATE}, "both roll at once; one node is free"),
        ({"a": "npus: 8, replicas: 0"}, 1, {"a": ONE_BY_ONE}, "nothing to replace"),
        ({"a": "npus: 1, replicas: 2, minMember: 2"}, 2, {"a": RECREATE}, "a gang starts whole"),
        ({"a": "npus: 1"}, 0, {"a": RECREATE}, "nothing is known of the nodes"),
        ({"a": "npus: 8, replicas: external"}, 4, {"a": ONE_BY_ONE}, "an autoscaler may hold the free nodes"),
        ({"a": "npus: 8, replicas: external"}, 0, {"a": ONE_BY_ONE}, "there may be more than one pod"),
        ({"a": "npus: 8, replicas: external, rollout: recreate"}, 4, {"a": RECREATE}, "set in the stack file"),
        ({"a": "npus: 1, replicas: 2"}, 0, {"a": ONE_BY_ONE}, "nothing is known of the nodes"),
        (
            {"a": "npus: 8, startup: 10m", "b": "npus: 8, startup: 20m"},
            3,
            {"a": RECREATE, "b": SURGE},
            "the free node saves the longer downtime",
        ),
        (
            {"a": "npus: 8, startup: 22m", "b": "npus: 4, startup: 20m", "c": "npus: 4, startup: 20m"},
            3,
            {"a": RECREATE, "b": SURGE, "c": SURGE},
            "the free node saves more downtime of b and c together",
        ),
        ({"a": "npus: 8", "b": "npus: 4"}, 2, {"a": RECREATE, "b": SURGE}, "b finds room for less"),
        (
            {"a": "npus: 8, startup: 20m", "b": "npus: 8, rollout: {maxSurge: 1}"},
            3,
            {"a": RECREATE, "b": SURGE},
            "what the stack file sets is counted first",
        ),
        (
            {"a": "npus: 8, replicas: 2", "b": "npus: 8"},
            4,
            {"a": ONE_BY_ONE, "b": SURGE},
            "a goes on answering without it",
        ),
    ],
)
def test_a_pod_more_is_made_only_where_its_npus_are_sure_to_be_free(
    services: dict[str, str], nodes: int, expected: dict[str, Any], reason: str
) -> None:
    resolved = stack(services, nodes)

    assert rollouts(resolved) == expected, reason
    assert [finding.rule for finding in check(resolved).findings if finding.rule == "rollout-would-hang"] == []


@pytest.mark.parametrize(
    ("given", "nodes", "expected", "hangs", "reason"),
    [
        ("recreate", 2, RECREATE, False, "always possible"),
        ("rollingUpdate", 2, SURGE, False, "the numbers follow"),
        ("rollingUpdate", 1, ONE_BY_ONE, False, "the numbers follow"),
        ("{maxSurge: 1}", 1, ("rollingUpdate", 1, 0), True, "no NPUs for a pod more"),
        ("{maxSurge: 1, maxUnavailable: 0}", 1, ("rollingUpdate", 1, 0), True, "the charts' default"),
        ("{maxUnavailable: 0}", 1, ("rollingUpdate", 1, 0), True, "Kubernetes takes a surge of one for it"),
        ("{maxSurge: 1, maxUnavailable: 1}", 1, ("rollingUpdate", 1, 1), False, "the old pod makes room"),
        ("{maxSurge: 1, maxUnavailable: 0}", 2, SURGE, False, "a node is free"),
        ("{maxSurge: 3, maxUnavailable: 0}", 2, ("rollingUpdate", 3, 0), False, "the first finds its place"),
        ("{maxSurge: 1, maxUnavailable: 0}", 0, SURGE, False, "nothing is known of the nodes"),
        ("{maxUnavailable: 1}", 2, ("rollingUpdate", 0, 1), False, "what is given stays"),
    ],
)
def test_what_the_stack_file_says_of_a_rollout_stays_and_is_refused_when_it_would_hang(
    given: str, nodes: int, expected: tuple[Any, ...], hangs: bool, reason: str
) -> None:
    resolved = stack({"a": f"npus: 8, rollout: {given}"}, nodes)

    assert rollouts(resolved) == {"a": expected}, reason
    assert ("rollout-would-hang" in [finding.rule for finding in check(resolved).findings]) == hangs, reason


@pytest.mark.parametrize(
    ("given", "hangs", "reason"),
    [
        ("{maxSurge: 1, maxUnavailable: 0}", True, "one new pod is no gang of two"),
        ("{maxSurge: 2, maxUnavailable: 0}", False, "two are"),
        ("{maxSurge: 0, maxUnavailable: 1}", True, "one new pod is no gang of two"),
        ("{maxSurge: 0, maxUnavailable: 2}", False, "two go, two come"),
        ("{maxSurge: 1, maxUnavailable: 1}", False, "one comes and one goes"),
        ("recreate", False, "all go, all come"),
    ],
)
def test_an_update_of_a_gang_creates_enough_pods_together(given: str, hangs: bool, reason: str) -> None:
    resolved = stack({"a": f"npus: 1, replicas: 2, minMember: 2, rollout: {given}"})

    assert ("rollout-would-hang" in [finding.rule for finding in check(resolved).findings]) == hangs, reason


QUEUE = "    queues: {q: {npus: %s}}\n"


@pytest.mark.parametrize(
    ("quota", "expected", "reason"), [(2, RECREATE, "the quota is used up"), (4, SURGE, "the quota has room")]
)
def test_a_pod_more_is_within_the_quota_of_its_queue(quota: int, expected: Any, reason: str) -> None:
    assert rollouts(stack({"a": "npus: 2, queue: q"}, cluster=QUEUE % quota)) == {"a": expected}, reason


@pytest.mark.parametrize(
    ("startup", "expected"),
    [
        ("22m", {"a": RECREATE, "b": SURGE, "c": SURGE}),
        ("60m", {"a": SURGE, "b": RECREATE, "c": RECREATE}),
    ],
)
def test_the_least_downtime_of_all_services_decides_who_is_updated_without(
    startup: str, expected: dict[str, Any]
) -> None:
    services = {
        "a": f"npus: 8, queue: q, startup: {startup}",
        "b": "npus: 4, queue: q, startup: 20m",
        "c": "npus: 4, queue: q, startup: 20m",
    }

    assert rollouts(stack(services, nodes=9, cluster=QUEUE % 24)) == expected


def test_the_reason_of_a_rollout_is_shown_where_its_value_is() -> None:
    (service,) = stack({"a": "npus: 8, rollout: {maxUnavailable: 1}"}, 1).services

    assert service.origins["rollout.maxUnavailable"].source == "Pulumi.test.yaml:6"
    assert service.origins["rollout.kind"].source == "set in the stack file"


@pytest.mark.parametrize(
    ("services", "cluster", "reason"),
    [
        (
            {"a": "npus: 8, startup: 20m", "b": "npus: 8"},
            "",
            "no node is sure to have 8 NPUs free next to the additional pod of a, counted first",
        ),
        ({"b": "npus: 8, replicas: 3"}, "", "no node is sure to have 8 NPUs free"),
        (
            {"a": "npus: 2, queue: q, startup: 20m", "b": "npus: 2, queue: q"},
            "    queues: {q: {npus: 6}}\n",
            "the quota of queue q has no room for 2 NPUs more next to the additional pod of a, counted first",
        ),
        (
            {**{f"a{number}": "npus: 8, startup: 20m" for number in range(5)}, "b": "npus: 8"},
            "",
            "no node is sure to have 8 NPUs free next to the additional pods of a0, a1, a2 and 2 more, counted first",
        ),
    ],
)
def test_the_reason_names_the_services_that_are_counted_first(
    services: dict[str, str], cluster: str, reason: str
) -> None:
    nodes = 2 * len(services) - 1 if "b" in services and len(services) > 1 else 3
    service = stack(services, nodes, cluster).service("b")

    assert service is not None
    assert service.origins["rollout.kind"].source == reason


def test_a_cluster_of_thousands_of_pods_is_planned_quickly() -> None:
    services = {f"s{number}": "npus: 1, replicas: 700" for number in range(50)}

    assert set(rollouts(stack(services, nodes=5_000)).values()) == {SURGE}


@pytest.mark.parametrize(
    ("given", "seconds", "reason"),
    [
        ("npus: 8", 1500, "the only pod starts anew"),
        ("npus: 4, replicas: 2", 0, "the other one answers"),
        ("npus: 1", 0, "the new one comes first"),
        ("npus: 4, replicas: 2, rollout: recreate", 1500, "all start anew"),
        ("npus: 4, replicas: 2, rollout: {maxUnavailable: 2}", 1500, "both may be away"),
        ("npus: 1, replicas: 0", 0, "there is nobody to miss"),
    ],
)
def test_the_downtime_of_an_update_is_that_of_a_start_unless_a_pod_answers(
    given: str, seconds: int, reason: str
) -> None:
    (service,) = stack({"a": f"{given}, startup: 25m"}, 1).services

    assert downtime(service) == seconds, reason


@pytest.mark.parametrize(
    "given", ["npus: 1", "npus: 8", "npus: 4, replicas: 2", "npus: 1, replicas: 40", "npus: 1, startup: 3h"]
)
def test_every_limit_of_time_is_above_the_one_it_waits_for(given: str) -> None:
    (service,) = stack({"a": given}, 40).services

    assert service.startup < progress_deadline(service) < update_timeout(service)
    assert service.drain < grace_period(service) < progress_deadline(service)


def test_an_update_waits_for_every_batch_of_pods() -> None:
    (one,) = stack({"a": "npus: 8, replicas: 1"}, 1).services
    (four,) = stack({"a": "npus: 8, replicas: 4"}, 4).services

    assert update_timeout(four) > 3 * update_timeout(one)


def test_the_deployment_has_the_rollout_of_its_service() -> None:
    found = {one.name: strategy(one) for one in stack({"a": "npus: 8", "b": "npus: 1"}).services}

    assert found == {
        "a": {"type": "Recreate"},
        "b": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
    }
