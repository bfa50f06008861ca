"""What stands beside the pods: the objects that each key becomes, and what cannot work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.check import check
from models.manifests import service_objects
from models.service.egress import port_of
from models.service.resolved import ResolvedService
from tests.review.stacks import stack

KEY = {"server": {"apiKey": {"secret": "keys", "key": "qwen"}}}


def service(**given: Any) -> ResolvedService:
    (only,) = stack({"qwen": given}).services
    return only


def made(kind: str, **given: Any) -> dict[str, Any]:
    """The object of a kind."""
    (found,) = [item for item in service_objects(service(**given)) if item["kind"] == kind]
    return found


def kinds(**given: Any) -> list[str]:
    return [item["kind"] for item in service_objects(service(**given))]


def rules(**given: Any) -> list[str]:
    """The rules that find something."""
    return [finding.rule for finding in check(stack({"qwen": given})).findings]


def test_there_are_no_additional_objects_by_default() -> None:
    assert kinds() == ["ConfigMap", "Deployment", "Service"]


def test_a_policy_opens_one_port_to_those_who_are_named_and_to_the_smoke_job() -> None:
    network = {"admit": ["gateway", "search"], "cidrs": ["10.0.0.0/8"], "monitoring": "monitoring"}
    spec = made("NetworkPolicy", network=network, smoke=True, server={"port": 9000})["spec"]
    (rule,) = spec["ingress"]
    job = made("Job", network=network, smoke=True)["spec"]["template"]

    assert spec["podSelector"]["matchLabels"] == made("Deployment")["spec"]["selector"]["matchLabels"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9000}]
    smoke, *named, cidr = rule["from"]
    assert smoke["podSelector"]["matchLabels"] == job["metadata"]["labels"]
    assert [one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for one in named] == [
        "gateway", "search", "monitoring",
    ]  # fmt: skip
    assert cidr == {"ipBlock": {"cidr": "10.0.0.0/8"}}


def test_the_smoke_jobs_of_services_with_the_longest_names_have_names_of_their_own_that_a_label_holds() -> None:
    services = stack({f"{'q' * 60}-{letter}": {"smoke": True} for letter in "ab"}).services
    names = {item["metadata"]["name"] for one in services for item in service_objects(one) if item["kind"] == "Job"}

    assert [len(name) for name in names] == [63, 63], "Kubernetes writes a Job's name into a label of its pods"


def test_the_pod_of_the_smoke_job_is_none_of_the_services() -> None:
    job = made("Job", smoke=True)["spec"]["template"]["metadata"]["labels"]
    selector = made("Service")["spec"]["selector"]

    assert not selector.items() <= job.items()


@pytest.mark.parametrize(
    ("given", "ports", "reason"),
    [
        ({}, [], "a model on the node needs nothing"),
        ({"model": "/m/Qwen-VL", "multimodal": True}, [80, 443], "pictures are fetched from their addresses"),
        ({"model": "/m/Mixtral-8x7B", "mindSpeed": "install"}, [443], "from the manual's repository"),
        ({"mindSpeed": {"kind": "install", "repository": "https://git.local:8443/m"}}, [8443], "from a mirror"),
        ({"engine": {"extraArgs": {"otlpTracesEndpoint": "grpc://traces:4317"}}}, [4317], "traces are sent"),
    ],
)
def test_egress_is_dns_and_what_the_service_needs(given: dict[str, Any], ports: list[int], reason: str) -> None:
    dns, *rest = made("NetworkPolicy", network={"admit": ["gateway"]}, **given)["spec"]["egress"]

    assert [(port["protocol"], port["port"]) for port in dns["ports"]] == [("UDP", 53), ("TCP", 53)]
    assert [port["port"] for rule in rest for port in rule["ports"]] == ports
    for rule in rest:
        assert rule["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"], "where clouds answer with credentials"


def test_egress_leads_to_the_bucket_of_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.json").write_text(json.dumps({"files": {"config.json": {"size": 1, "sha256": "0" * 64}}}))
    bucket = {"kind": "bucket", "endpoint": "https://obs.example.com:8443", "region": "r", "bucket": "models"}
    model = {"name": "m", "source": bucket, "verify": "m.json"}
    _, rule = made("NetworkPolicy", network={"admit": ["gateway"]}, model=model)["spec"]["egress"]
    env = {"https_proxy": "http://proxy:3128", "HTTP_PROXY": "proxy:8080", "no_proxy": "a:1", "ALL_TOKENS_URL": "b:2"}
    _, through = made("NetworkPolicy", network={"admit": ["gateway"]}, model=model, env=env)["spec"]["egress"]

    assert [port["port"] for port in rule["ports"]] == [8443]
    assert [port["port"] for port in through["ports"]] == [3128, 8080, 8443], "no_proxy may name the bucket"


def test_egress_leads_to_addresses_of_both_families() -> None:
    _, rule = made("NetworkPolicy", network={"admit": ["gateway"]}, multimodal=True)["spec"]["egress"]

    assert [to["ipBlock"]["cidr"] for to in rule["to"] if "ipBlock" in to] == ["0.0.0.0/0", "::/0"]
    assert rule["to"][1]["ipBlock"]["except"] == ["fe80::/10"]


@pytest.mark.parametrize(
    ("egress", "env", "found"),
    [
        ([], {}, True),
        (["10.0.0.0/8"], {}, True),
        ([{"cidr": "10.0.0.0/8", "ports": [4317]}], {}, False),
        (["10.0.0.0/8", {"cidr": "10.1.0.0/16", "ports": [443, 4317]}], {}, False),
        ([{"cidr": "10.0.0.0/8", "ports": [3128]}], {"http_proxy": "http://proxy:3128"}, False),
    ],
)
def test_egress_without_the_port_of_what_is_needed_is_found(egress: Any, env: dict[str, str], found: bool) -> None:
    given = {"engine": {"extraArgs": {"otlpTracesEndpoint": "grpc://traces:4317"}}, "env": env}

    assert ("network-closes-needs" in rules(network={"admit": ["gateway"], "egress": egress}, **given)) == found


def test_ranges_are_written_as_kubernetes_wants_them() -> None:
    network = {"cidrs": ["10.0.0.0/08", "FD00:0::/8"], "egress": ["10.1.0.0/016"]}
    spec = made("NetworkPolicy", network=network)["spec"]

    assert [one["ipBlock"]["cidr"] for one in spec["ingress"][0]["from"][1:]] == ["10.0.0.0/8", "fd00::/8"]
    assert spec["egress"][1]["to"] == [{"ipBlock": {"cidr": "10.1.0.0/16"}}]


def test_egress_that_is_given_takes_the_place_of_what_the_service_needs() -> None:
    network = {"admit": ["gateway"], "egress": ["10.8.0.0/16", {"cidr": "10.9.0.1/32", "ports": [8443]}]}
    _, *rest = made("NetworkPolicy", network=network, multimodal=True)["spec"]["egress"]

    assert [(rule["to"], [port["port"] for port in rule["ports"]]) for rule in rest] == [
        ([{"ipBlock": {"cidr": "10.8.0.0/16"}}], [80, 443]),
        ([{"ipBlock": {"cidr": "10.9.0.1/32"}}], [8443]),
    ]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://gitee.com/ascend/MindSpeed.git", 443),
        ("http://git.local/m.git", 80),
        ("https://git.local:8443/m.git", 8443),
        ("ssh://git@git.local/m.git", 22),
        ("git@git.local:team/m.git", 22),
        ("grpc://traces:4317", 4317),
        ("https://git.local:no/m.git", 443),
        ("http://[fd00::1", 80),
    ],
)
def test_the_port_of_an_address_is_its_own_or_its_schemes(url: str, port: int) -> None:
    assert port_of(url) == port


def test_clients_outside_keep_their_addresses_where_a_policy_names_them() -> None:
    assert "type" not in made("Service")["spec"]
    assert made("Service", expose="NodePort")["spec"]["type"] == "NodePort"
    balanced = made("Service", expose="LoadBalancer", network={"cidrs": ["10.0.0.0/8"]})["spec"]
    assert (balanced["type"], balanced["externalTrafficPolicy"]) == ("LoadBalancer", "Local")


def test_annotations_of_the_service_are_added_to_those_of_the_program() -> None:
    annotations = {"kubernetes.io/elb.class": "union"}
    about = made("Service", expose={"type": "LoadBalancer", "annotations": annotations})["metadata"]["annotations"]

    assert about == {**made("Service")["metadata"]["annotations"], **annotations}


@pytest.mark.parametrize("budget", [{"maxUnavailable": 1}, {"minAvailable": 1}])
def test_a_budget_is_for_the_pods_of_the_service(budget: dict[str, int]) -> None:
    spec = made("PodDisruptionBudget", replicas=2, disruptionBudget=budget)["spec"]

    assert spec == {**budget, "selector": made("Deployment")["spec"]["selector"]}


@pytest.mark.parametrize(
    ("given", "refused", "reason"),
    [
        ({"replicas": 2, "disruptionBudget": {"maxUnavailable": 0}}, True, "none may go"),
        ({"replicas": 1, "disruptionBudget": {"minAvailable": 1}}, True, "the only pod has to stay"),
        ({"replicas": 2, "disruptionBudget": {"minAvailable": 3}}, True, "more than there are"),
        ({"replicas": "external", "disruptionBudget": {"minAvailable": 1}}, True, "the autoscaler may leave one"),
        ({"replicas": "external", "disruptionBudget": {"maxUnavailable": 1}}, False, "one may always go"),
        ({"replicas": 1, "disruptionBudget": {"minAvailable": 0}}, False, "nothing has to stay"),
        ({"replicas": 0, "disruptionBudget": {"maxUnavailable": 0}}, False, "there is nothing to evict"),
        ({"replicas": 3, "disruptionBudget": {"minAvailable": 2}}, False, "one may go"),
    ],
)
def test_a_budget_that_blocks_every_eviction_is_refused(given: dict[str, Any], refused: bool, reason: str) -> None:
    assert ("budget-blocks-eviction" in rules(**given)) == refused


def test_metrics_are_read_from_the_pods_by_the_name_of_their_port() -> None:
    monitor = made("PodMonitor", monitoring={"interval": "1m", "labels": {"release": "prometheus"}})
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (container,) = made("Deployment")["spec"]["template"]["spec"]["containers"]

    assert endpoint == {"port": "http", "path": "/metrics", "interval": "60s"}
    assert [port["name"] for port in container["ports"]] == ["http"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["metadata"]["labels"]["app.kubernetes.io/instance"] == "qwen"


def test_a_prometheus_finds_its_objects_by_any_label_but_those_that_tell_a_service() -> None:
    labels = {"app": "kube-prometheus-stack", "release": "prometheus"}

    for kind in ("PodMonitor", "PrometheusRule"):
        found = made(kind, monitoring={"labels": labels})["metadata"]["labels"]
        assert labels.items() <= found.items()
        assert made("Service")["spec"]["selector"].items() <= found.items()


def test_metrics_of_a_server_with_certificates_are_read_over_tls() -> None:
    server = {"extraArgs": {"sslCertfile": "/c/tls.crt", "sslKeyfile": "/c/tls.key"}}
    (endpoint,) = made("PodMonitor", monitoring=True, server=server)["spec"]["podMetricsEndpoints"]

    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"] == {"insecureSkipVerify": True}


def alerts(**given: Any) -> dict[str, Any]:
    (group,) = made("PrometheusRule", monitoring=True, **given)["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def test_there_are_four_alerts_each_with_its_subject() -> None:
    found = alerts()

    assert [*found] == [
        "AscendVllmKvCacheFull", "AscendVllmRequestsWaiting", "AscendVllmRestarts", "AscendVllmNoReadyPod",
    ]  # fmt: skip
    job = 'job="inference/qwen"'
    assert found["AscendVllmKvCacheFull"]["expr"] == f"vllm:gpu_cache_usage_perc{{{job}}} > 0.9"
    assert found["AscendVllmRequestsWaiting"]["expr"] == f"vllm:num_requests_waiting{{{job}}} > 0"
    assert found["AscendVllmRequestsWaiting"]["for"] == "300s"
    assert all(rule["labels"]["service"] == "qwen" and rule["annotations"]["summary"] for rule in found.values())


def test_the_end_of_the_only_pod_in_an_update_is_no_alert() -> None:
    deletes_first = alerts(rollout="recreate", startup="25m")["AscendVllmNoReadyPod"]

    assert deletes_first["for"] == "1500s"
    assert alerts(replicas=2)["AscendVllmNoReadyPod"]["for"] == "300s"


def test_alerts_are_left_out_where_they_are_not_wanted() -> None:
    assert kinds(monitoring={"rules": False}) == ["ConfigMap", "Deployment", "Service", "PodMonitor"]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"expose": "NodePort", "server": "api_server"}, "exposed-without-key"),
        ({**KEY, "expose": "LoadBalancer", "network": {"admit": ["a"]}}, "network-closes-exposure"),
        ({"monitoring": True, "network": {"admit": ["a"]}}, "network-closes-metrics"),
        ({"network": {"monitoring": "monitoring"}}, "network-admits-nobody"),
        ({"monitoring": True, "server": "api_server"}, "monitoring-server"),
    ],
)
def test_what_cannot_work_is_found(given: dict[str, Any], rule: str) -> None:
    assert rule in rules(**given)


def test_a_service_for_all_the_world_with_a_key_and_the_addresses_of_its_clients_is_accepted() -> None:
    given = {**KEY, "expose": "LoadBalancer", "network": {"cidrs": ["10.0.0.0/8"], "monitoring": "m"}}

    assert rules(**given, monitoring=True, disruptionBudget={"maxUnavailable": 1}) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"network": {"cidrs": ["10.0.0.1/8"]}}, "has host bits set"),
        ({"network": {"cidrs": ["somewhere"]}}, "must be a range of addresses"),
        ({"network": {"egress": [{"cidr": "10.0.0.0/8", "ports": [0]}]}}, "must be at least 1"),
        ({"disruptionBudget": {}}, "either maxUnavailable or minAvailable"),
        ({"disruptionBudget": {"maxUnavailable": 1, "minAvailable": 1}}, "either maxUnavailable or minAvailable"),
        ({"expose": "Ingress"}, "ClusterIP, NodePort or LoadBalancer"),
        ({"expose": {"annotations": {"pulumi.com/skipAwait": "false"}}}, "belongs to the program"),
        ({"monitoring": {"interval": "0s"}}, "must be at least 1"),
        (
            {"monitoring": {"labels": {"app.kubernetes.io/name": "x"}}},
            "label app.kubernetes.io/name belongs to the program",
        ),
        ({"replicas": "many"}, "write a number, or external"),
        ({"replicas": -1}, "must be at least 0"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_words(given: dict[str, Any], said: str) -> None:
    (finding,) = stack({"qwen": given}).findings

    assert said in finding.message


@pytest.mark.parametrize(
    ("image", "engine", "label"),
    [
        ("registry.example.com/ascend-vllm:6.3.912", {}, "0.6.3"),
        ("registry.example.com/ascend-vllm:v0.8.5.post1", {}, None),
        ("registry.example.com/ascend-vllm:v0.8.5.post1", {"version": "0.6.3"}, "0.6.3"),
        ("quay.io/ascend/vllm-ascend:v0.23.0", {}, "0.23.0"),
    ],
)
def test_the_label_of_the_release_does_not_contradict_the_image(
    image: str, engine: dict[str, str], label: str | None
) -> None:
    deployment = made("Deployment", image=image, engine={"maxModelLen": 4096, **engine})

    for labels in (deployment["metadata"]["labels"], deployment["spec"]["template"]["metadata"]["labels"]):
        assert labels.get("app.kubernetes.io/version") == label
