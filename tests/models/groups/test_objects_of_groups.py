"""The Kubernetes objects of a server over several nodes."""

from __future__ import annotations

from typing import Any

from models.manifests import service_objects
from models.service.resolved import ResolvedService
from tests.models.groups.stacks import POOL, group_of

Object = dict[str, Any]

ALIVE = "printf -v now '%(%s)T' -1; read -r last < /tmp/ascend-vllm-group-alive && (( now - last <= 6 ))"


def object_of(service: ResolvedService, kind: str) -> Object:
    (found,) = [manifest for manifest in service_objects(service) if manifest["kind"] == kind]
    return found


def templates(service: ResolvedService) -> tuple[Object, Object]:
    group = object_of(service, "LeaderWorkerSet")["spec"]["leaderWorkerTemplate"]
    return group["leaderTemplate"], group["workerTemplate"]


def test_each_replica_is_a_group_that_starts_and_restarts_as_a_whole() -> None:
    groups = object_of(group_of(replicas=3), "LeaderWorkerSet")

    assert groups["apiVersion"] == "leaderworkerset.x-k8s.io/v1"
    assert groups["metadata"]["name"] == "deepseek-group"
    assert groups["spec"]["replicas"] == 3
    assert groups["spec"]["startupPolicy"] == "LeaderCreated"
    assert groups["spec"]["leaderWorkerTemplate"]["size"] == 2
    assert groups["spec"]["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"


def test_there_is_no_deployment_beside_the_groups() -> None:
    kinds = [manifest["kind"] for manifest in service_objects(group_of())]

    assert kinds == ["ConfigMap", "LeaderWorkerSet", "Service"]


def test_an_autoscaler_sets_the_number_of_groups() -> None:
    assert "replicas" not in object_of(group_of(replicas="external"), "LeaderWorkerSet")["spec"]


def test_clients_reach_the_leaders_only_under_the_name_of_the_service() -> None:
    service = object_of(group_of(), "Service")

    assert service["metadata"]["name"] == "deepseek"
    assert service["spec"]["selector"] == {
        "leaderworkerset.sigs.k8s.io/name": "deepseek-group",
        "leaderworkerset.sigs.k8s.io/worker-index": "0",
    }


def test_the_queue_is_an_annotation_of_the_set_and_not_of_its_pods() -> None:
    service = group_of(queue="inference")
    leader, worker = templates(service)

    annotations = object_of(service, "LeaderWorkerSet")["metadata"]["annotations"]
    assert annotations["scheduling.volcano.sh/queue-name"] == "inference"
    assert "annotations" not in leader["metadata"]
    assert "annotations" not in worker["metadata"]


def test_all_pods_of_a_group_have_the_labels_of_the_service() -> None:
    leader, worker = templates(group_of())

    assert leader["metadata"]["labels"] == worker["metadata"]["labels"]
    assert leader["metadata"]["labels"]["app.kubernetes.io/instance"] == "deepseek"


def test_each_pod_knows_its_own_address() -> None:
    for template in templates(group_of()):
        (container,) = template["spec"]["containers"]
        sources = {variable["name"]: variable["valueFrom"] for variable in container["env"]}
        address = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
        assert sources == {"HCCL_IF_IP": address, "VLLM_HOST_IP": address}


def test_each_pod_has_the_npus_of_its_node_and_the_mounts_of_the_driver() -> None:
    leader, worker = templates(group_of())

    for template in (leader, worker):
        (container,) = template["spec"]["containers"]
        assert container["resources"]["limits"]["huawei.com/ascend-1980"] == "16"
    assert leader["spec"]["volumes"] == worker["spec"]["volumes"]


def test_a_worker_has_no_port() -> None:
    leader, worker = templates(group_of())

    assert leader["spec"]["containers"][0]["ports"] == [{"name": "http", "containerPort": 8080}]
    assert worker["spec"]["containers"][0]["ports"] == []


def test_the_pods_use_the_network_of_the_node_only_if_the_cluster_asks_for_it() -> None:
    plain, _ = templates(group_of())
    leader, worker = templates(group_of(cluster="hostNetwork: true, interface: bond0"))

    assert "hostNetwork" not in plain["spec"]
    for template in (leader, worker):
        assert template["spec"]["hostNetwork"] is True
        assert template["spec"]["dnsPolicy"] == "ClusterFirstWithHostNet"
    ports = {port["name"]: port["containerPort"] for port in leader["spec"]["containers"][0]["ports"]}
    assert ports == {"http": 8080, "group": 29501, "members": 29600, "hccl": 60000}


def test_a_group_is_replaced_after_it_is_deleted_unless_whole_nodes_are_sure_to_be_free() -> None:
    full = object_of(group_of(replicas=2, cluster=POOL), "LeaderWorkerSet")
    roomy = object_of(group_of(replicas=1, cluster=POOL), "LeaderWorkerSet")

    assert full["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"] == {"maxUnavailable": 1, "maxSurge": 0}
    assert roomy["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_half_of_the_nodes_of_an_additional_group_is_not_enough() -> None:
    pool = POOL.replace("nodes: 4", "nodes: 3")
    groups = object_of(group_of(cluster=pool), "LeaderWorkerSet")

    assert groups["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"] == {"maxUnavailable": 1, "maxSurge": 0}


def test_a_patch_of_the_pods_reaches_leaders_and_workers() -> None:
    for template in templates(group_of(podTemplate="{metadata: {annotations: {team: search}}}")):
        assert template["metadata"]["annotations"] == {"team": "search"}


def test_a_budget_of_one_group_allows_the_eviction_of_one_pod_and_of_the_rest_of_its_group() -> None:
    budget = object_of(group_of(replicas=3, disruptionBudget="{maxUnavailable: 1}"), "PodDisruptionBudget")

    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget["spec"]["selector"] == {
        "matchLabels": {"app.kubernetes.io/name": "ascend-vllm", "app.kubernetes.io/instance": "deepseek"}
    }


def test_a_budget_counts_the_groups_that_stay() -> None:
    budget = object_of(group_of(replicas=3, disruptionBudget="{minAvailable: 1}"), "PodDisruptionBudget")

    assert "minAvailable" not in budget["spec"]
    assert budget["spec"]["maxUnavailable"] == 2


def test_all_ports_are_open_between_the_pods_of_groups() -> None:
    policy = object_of(group_of(network="{admit: [gateway]}"), "NetworkPolicy")
    pods = {"podSelector": policy["spec"]["podSelector"]}

    assert {"from": [pods]} in policy["spec"]["ingress"]
    assert {"to": [pods]} in policy["spec"]["egress"]


def test_the_alerts_name_the_pods_and_the_set_of_leaders() -> None:
    rules = object_of(group_of(monitoring="true"), "PrometheusRule")["spec"]["groups"][0]["rules"]
    alerts = {alert["alert"]: alert["expr"] for alert in rules}

    assert 'pod=~"deepseek-group-[0-9]+(-[0-9]+)?"' in alerts["AscendVllmRestarts"]
    set_of_leaders = '{namespace="inference",statefulset="deepseek-group"}'
    assert alerts["AscendVllmNoReadyPod"] == (
        f"kube_statefulset_status_replicas_ready{set_of_leaders} == 0 and kube_statefulset_replicas{set_of_leaders} > 0"
    )


def test_a_worker_has_time_to_wait_for_the_leader_and_to_end() -> None:
    leader, worker = templates(group_of())

    assert worker["spec"]["terminationGracePeriodSeconds"] == leader["spec"]["terminationGracePeriodSeconds"] + 60


def container_of(template: Object) -> Object:
    (container,) = template["spec"]["containers"]
    return dict(container)


def test_the_leader_is_ready_only_while_all_pods_of_its_group_answer() -> None:
    leader, _ = templates(group_of())
    probe = container_of(leader)["readinessProbe"]

    assert probe["exec"]["command"][-1].startswith(f"{ALIVE} && test -e /tmp/ascend-vllm-group-whole && exec ")
    assert probe["periodSeconds"] * probe["failureThreshold"] <= 4


def test_the_kubelet_does_not_restart_a_leader_between_two_attempts() -> None:
    leader, _ = templates(group_of())
    container = container_of(leader)

    assert "startupProbe" not in container
    command = container["livenessProbe"]["exec"]["command"][-1]
    assert command.startswith(f"{ALIVE} || exit 1; test -e /tmp/ascend-vllm-group-not-serving || exec ")


def test_a_worker_has_no_port_that_a_probe_asks_and_is_restarted_if_it_hangs() -> None:
    _, worker = templates(group_of())
    container = container_of(worker)

    assert [key for key in container if key.endswith("Probe")] == ["livenessProbe"]
    assert container["livenessProbe"]["exec"]["command"][-1] == ALIVE
    hook_waits_for_a_leader_that_it_cannot_see = container["livenessProbe"]["terminationGracePeriodSeconds"]
    assert hook_waits_for_a_leader_that_it_cannot_see == 10


def test_a_worker_ends_after_the_leader() -> None:
    leader, worker = templates(group_of())
    hook = container_of(worker)["lifecycle"]["preStop"]["exec"]["command"][-1]

    longest = leader["spec"]["terminationGracePeriodSeconds"]
    assert f"i < {longest}" in hook
    assert "[[ -e /tmp/ascend-vllm-group-leader ]] || break" in hook


def test_a_pod_of_a_group_has_shared_memory_for_the_buffers_of_all_its_npus() -> None:
    for template in templates(group_of()):
        (shm,) = [volume for volume in template["spec"]["volumes"] if volume["name"] == "shm"]
        assert shm["emptyDir"]["sizeLimit"] == "128Gi"
