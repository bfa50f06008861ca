"""Messages of schedulers and of the kubelet, as public reports have them, and what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.diagnosis.diagnose import diagnose
from cluster.diagnosis.not_ready import not_ready
from cluster.diagnosis.scheduler_texts import explain
from models.finding import Finding
from tests.cluster.objects import (
    BUDGET,
    RESOURCE,
    container,
    deployment,
    event,
    group,
    node,
    pod,
    replica_set,
    snapshot,
    waiting,
)

LABEL_FAILED = (
    "1 node check failed. for details,log by search keywords <checkNodeNPUByTask : check Node n1 label"
    " [accelerator-type] Failed, value is module-910b-8>"
)


@pytest.mark.parametrize(
    ("message", "meaning", "fix"),
    [
        (
            LABEL_FAILED,
            "Volcano's NPU plugin rejects n1: the node has accelerator-type=module-910b-8, and the pod does not",
            "write cluster.platform.nodeSelector: {accelerator-type: module-910b-8}, and the chip's label"
            " ring-controller.atlas",
        ),
        (
            "1 node check failed. for details,log by search keywords <checkNodeNPUByTask : check Node n1 label"
            " [accelerator-type] Failed, value is >",
            "the node has no label accelerator-type",
            "kubectl label node n1 accelerator-type=",
        ),
        (
            "2 node check failed. for details,log by search keywords <npu topology not meet job require,network"
            " unhealthy card is [ Ascend910-3,Ascend910-4 ]> in volcano's log",
            "rejects nodes whose NPU network is unhealthy: Ascend910-3,Ascend910-4",
            "hccn_tool",
        ),
        (
            "1 node check failed. for details,log by search keywords <npu topology not meet job require,network"
            " unhealthy card is [  ]> in volcano's log",
            "finds no free NPUs that belong together on a node",
            "free a whole ring",
        ),
        (
            "1 node check failed. for details,log by search keywords <task test req npu num 3 is illegal>",
            "does not accept this number of NPUs",
            "set npus to 1, 2, 4 or 8",
        ),
        (
            "1 node check failed. for details,log by search keywords <getUsableTopFromNode n1 don't have npu"
            " huawei.com/Ascend910> in volcano's log",
            "the scheduler does not know the NPUs of the nodes",
            "-volcanoType=true",
        ),
        (
            "1 node check failed. for details,log by search keywords <rescheduling something new> in volcano's log",
            "Volcano's NPU plugin rejects the nodes: rescheduling something new",
            "correct the named object",
        ),
        ("1 nodes ModeNotFit(devserver-bms-71e0dc7a)", "a slice of an NPU that no node offers", "request whole NPUs"),
        (
            "0/1 nodes are available: 1 Insufficient huawei.com/Ascend910B3-memory. preemption: 0/1 nodes",
            "a slice of an NPU that no node offers: huawei.com/Ascend910B3-memory",
            "remove huawei.com/Ascend910B3-memory from podTemplate",
        ),
        ("8/8 CardInsufficientMemory", "no NPU has this much memory", "request a smaller slice"),
        ("1/1 CardTypeMismatch", "no node has an NPU of the requested type", "correct cluster.platform.resource"),
        ("1/8 CardNotHealth", "the NPUs of the nodes are unhealthy", "npu-smi info -t health"),
        ("2/8 AllocatedCardsInsufficientRequest", "no node has enough free NPUs", "free NPUs"),
        ("0/4 nodes are available: 3 node unregistered", "does not know the NPUs of the nodes", "device plugin"),
        ("node n1 not initialized with devicehamivgpu", "does not know the NPUs of the nodes", "device plugin"),
        ("all nodes are unavailable: 3 Insufficient cpu.", "no node has enough free cpu", "lower the request"),
        ("0/2 nodes are unavailable: 2 Insufficient memory, 1 Insufficient cpu.", "enough free memory", "resources"),
        (
            "0/3 nodes are available: 3 Insufficient huawei.com/ascend-1980.",
            "no node has enough free huawei.com/ascend-1980",
            "cluster.platform.resource",
        ),
        (
            "all nodes are unavailable: 2 node(s) had untolerated taint {npu: fault}.",
            "the nodes have the taint npu",
            "podTemplate.spec.tolerations",
        ),
        (
            "0/1 nodes are available: 1 node(s) had taint {dedicated: train}, that the pod didn't tolerate.",
            "the nodes have the taint dedicated",
            "podTemplate.spec.tolerations",
        ),
        (
            "all nodes are unavailable: 2 node(s) didn't match Pod's node affinity/selector.",
            "no node matches the nodeSelector",
            "cluster.platform.nodeSelector",
        ),
        (
            "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
            "the other pods of the nodes keep the pod away",
            "lower replicas",
        ),
        (
            'persistentvolumeclaim "weights" not found',
            "the PersistentVolumeClaim weights does not exist",
            "create the claim",
        ),
        (
            "pod has unbound immediate PersistentVolumeClaims. preemption: not eligible",
            "the volume of a claim is not available on the nodes",
            "kubectl describe pvc",
        ),
        ("0/1 nodes are available: 1 Too many pods.", "maximum number of pods", "maxPods"),
        ("all nodes are unavailable: 2 node(s) pod number exceeded.", "maximum number of pods", "maxPods"),
        ("all nodes are unavailable: 3 node(s) resource fit failed.", "no node has enough free NPUs", "`resources`"),
        ("queue resource quota insufficient", "the queue of the pod has too little left", "raise the quota"),
        ("resource in cluster is overused", "Volcano admits no further pods", "kubectl get podgroups -A"),
        (
            "resource quota insufficient, requested: map[cpu:20], used: map[cpu:10], limited: map[cpu:15]",
            "a ResourceQuota of the namespace has no room",
            "raise the ResourceQuota",
        ),
    ],
)  # fmt: skip
def test_a_message_of_a_scheduler_is_explained(message: str, meaning: str, fix: str) -> None:
    explanation = explain([message])

    assert explanation is not None
    assert meaning in explanation.meaning
    assert fix in explanation.fix


@pytest.mark.parametrize(
    "message",
    [
        "pod group is not ready, 1 Pending, 1 minAvailable; Pending: 1 Undetermined",
        "1/1 tasks in gang unschedulable: pod group is not ready, 1 Pending, 1 minAvailable",
        "Successfully assigned default/qwen to n1",
        "running PreBind plugin: timed out",
        "",
    ],
)
def test_a_message_that_names_no_cause_is_only_quoted(message: str) -> None:
    assert explain([message]) is None


def test_the_most_specific_message_about_a_pod_is_explained() -> None:
    explanation = explain(["0/1 nodes are available: 1 Insufficient huawei.com/Ascend910.", LABEL_FAILED])

    assert explanation is not None
    assert explanation.meaning.startswith("Volcano's NPU plugin rejects n1")


def unscheduled(message: str, **kinds: Any) -> Finding:
    """The finding about a pod whose scheduler reports this, while node-1 has 8 free NPUs."""
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    item = pod(node="", status={"conditions": [unschedulable]}, **kinds.pop("parts", {}))
    finding = diagnose(item, snapshot(item, nodes=[node()], **kinds), resource=RESOURCE, startup=BUDGET)
    assert finding is not None
    return finding


def test_status_explains_the_npu_plugin_of_volcano_and_quotes_it() -> None:
    finding = unscheduled(LABEL_FAILED)

    assert (finding.rule, finding.severity) == ("unschedulable", "error")
    assert finding.message.startswith("Volcano's NPU plugin rejects n1: the node has accelerator-type=module-910b-8")
    assert finding.why.endswith(f"the scheduler reports: {LABEL_FAILED}")


def test_the_reason_may_stand_in_an_event_of_the_pod_or_its_group() -> None:
    item = pod(node="", metadata={"annotations": {"scheduling.k8s.io/group-name": "group-1"}})
    filtered = event(item, "FilteringFailed", "1 nodes ModeNotFit(node-1)")
    unready = {"type": "Unschedulable", "status": "True", "message": "2 Insufficient cpu"}
    held = group("group-1", phase="Inqueue") | {"status": {"phase": "Inqueue", "conditions": [unready]}}
    full = group("group-1") | {"kind": "PodGroup"}
    full["metadata"]["uid"] = "uid-group"
    overused = event(full, "Unschedulable", "queue resource quota insufficient") | {"type": "Normal"}
    messages = []
    for kinds in ({"events": [filtered]}, {"pod_groups": [held]}, {"pod_groups": [full], "events": [overused]}):
        condition = {"type": "PodScheduled", "status": "False", "message": "pod group is not ready"}
        waits = {**item, "status": {"conditions": [condition]}}
        look = snapshot(waits, nodes=[node()], **kinds)
        finding = diagnose(waits, look, resource=RESOURCE, startup=BUDGET)
        assert finding is not None
        messages.append(finding.message)

    assert messages == [
        "the pod requests a slice of an NPU that no node offers: its kind of slices differs",
        "no node has enough free cpu",
        "the queue of the pod has too little left of its quota",
    ]


def offering(name: str, resource: str, count: int = 8, **labels: str) -> dict[str, Any]:
    made = node(name)
    made["metadata"]["labels"] = labels or made["metadata"]["labels"]
    made["status"]["allocatable"] = {resource: str(count), "cpu": "192", "huawei.com/Ascend910-2c": "4"}
    return made


@pytest.mark.parametrize(
    ("nodes", "message", "fix"),
    [
        (
            [offering("n1", "huawei.com/Ascend910")],
            "no node offers huawei.com/ascend-1980: they offer huawei.com/Ascend910 (8)",
            "write cluster.platform: mindcluster",
        ),
        (
            [offering("n1", "huawei.com/Ascend910B3"), offering("n2", "huawei.com/Ascend910B3")],
            "no node offers huawei.com/ascend-1980: they offer huawei.com/Ascend910B3 (16)",
            "write cluster.platform.resource: huawei.com/Ascend910B3, with the labels of these nodes as nodeSelector",
        ),
    ],
)
def test_a_wrong_resource_name_is_reported_with_what_the_nodes_offer(
    nodes: list[dict[str, Any]], message: str, fix: str
) -> None:
    item = pod(node="")
    finding = diagnose(item, snapshot(item, nodes=nodes), resource=RESOURCE, startup=BUDGET)

    assert finding is not None
    assert (finding.rule, finding.message, finding.fix) == ("no-npu-resource", message, fix)


def test_nodes_without_npus_are_not_reported_as_offering_what_others_offer() -> None:
    item = pod(node="")
    look = snapshot(item, nodes=[node("n1", npus=0), offering("n2", RESOURCE, pool="other")])
    finding = diagnose(item, look, resource=RESOURCE, startup=BUDGET)

    assert finding is not None
    assert finding.message == f"no node offers {RESOURCE}"
    assert finding.why == "1 node matches the selector, but its device plugin reports no healthy NPUs"
    assert finding.fix.startswith("install or repair")


def test_labels_of_another_platform_are_reported_with_what_the_nodes_offer() -> None:
    item = pod(node="", spec={"nodeSelector": {"accelerator-type": "module-910b-8"}})
    look = snapshot(item, nodes=[offering("n1", "huawei.com/ascend-1980", **{"accelerator/huawei-npu": "ascend-1980"})])
    finding = diagnose(item, look, resource="huawei.com/Ascend910", startup=BUDGET)

    assert finding is not None
    assert finding.message == "no node has the labels accelerator-type=module-910b-8"
    assert finding.why.endswith("; the nodes offer huawei.com/ascend-1980 (8)")
    assert finding.fix == "write cluster.platform: cce"


def refused(reason: str, message: str) -> Finding:
    """The finding about a pod that its node refused."""
    item = pod(phase="Failed", status={"reason": reason, "message": message})
    finding = diagnose(item, snapshot(item, nodes=[node()]), resource=RESOURCE, startup=BUDGET)
    assert finding is not None
    return finding


RPC = "Allocate failed due to rpc error: code = "


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (f"Pod {RPC}Unknown desc = not get valid pod, which is unexpected", "did not place this pod"),
        (f"{RPC}Unknown desc = parse pod annotation error: unknown uuid: , which is unexpected", "did not place"),
        (f"{RPC}Unknown desc = device number not matched, which is unexpected", "did not place this pod"),
        (f"Pod was rejected: {RPC}Unknown desc = empty id from pod annotation, which is unexpected", "did not place"),
        (f"{RPC}Unavailable desc = error reading from server: EOF, which is unexpected", "ended or restarted"),
        (f"{RPC}Unavailable desc = transport is closing, which is unexpected", "ended or restarted"),
        (f"{RPC}Unknown desc = something else, which is unexpected", "got an error"),
    ],
)
def test_a_pod_that_the_device_plugin_refused_is_explained(message: str, why: str) -> None:
    finding = refused("UnexpectedAdmissionError", message)

    assert finding.rule == "refused-by-device-plugin"
    assert finding.message == f"the NPU device plugin of node-1 refused the pod: {message}"
    assert why in finding.why


def test_a_pod_for_which_the_kubelet_has_too_few_npus_is_explained() -> None:
    message = (
        "Pod was rejected: Allocate failed due to requested number of devices unavailable for huawei.com/Ascend910."
        " Requested: 8, Available: 6, which is unexpected"
    )

    finding = refused("UnexpectedAdmissionError", message)

    assert finding.rule == "refused-by-node"
    assert finding.message.startswith("node-1 has 6 free huawei.com/Ascend910, and the pod requests 8: ")
    assert "another scheduler" in finding.why


def test_a_pod_that_found_its_node_full_is_explained() -> None:
    finding = refused("OutOfhuawei.com/Ascend910", "Node didn't have enough resource: huawei.com/Ascend910")

    assert finding.message.startswith("node-1 has too little free huawei.com/Ascend910: ")
    assert "one scheduler" in finding.fix


@pytest.mark.parametrize(
    "text",
    [
        'rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "ascend" is configured',
        'code = Unknown desc = no runtime for \\"ascend\\" is configured',
        "failed to find runtime handler ascend from runtime list map[runc:...]",
        'RuntimeHandler "ascend" not supported',
    ],
)
def test_a_container_runtime_that_the_node_lacks_is_named(text: str) -> None:
    item = pod("qwen", container(state=waiting("ContainerCreating")), spec={"runtimeClassName": "ascend-class"})
    look = snapshot(item, nodes=[node()], events=[event(item, "FailedCreatePodSandBox", text)])
    finding = diagnose(item, look, resource=RESOURCE, startup=BUDGET)

    assert finding is not None
    assert (finding.rule, finding.message) == ("pod-sandbox", "the node node-1 has no container runtime ascend")
    assert "RuntimeClass ascend-class" in finding.why


def test_a_runtime_class_that_the_cluster_lacks_is_named() -> None:
    text = 'pods "qwen-0" is forbidden: pod rejected: RuntimeClass "ascend" not found'
    failure = {"type": "ReplicaFailure", "status": "True", "message": text}
    item = deployment(replicas=1, availableReplicas=0, conditions=[failure])
    finding, _ = not_ready(
        item, snapshot(deployments=[item], replica_sets=[replica_set()]), resource=RESOURCE, startup=BUDGET
    )

    assert (finding.rule, finding.message) == ("pods-refused", "the cluster has no RuntimeClass ascend")


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("0/4 nodes are available: 4 node(s) were unschedulable.", "the nodes are cordoned"),
        ("0/1 nodes are available: 1 node(s) exceed max volume count.", "maximum number of volumes"),
        ("plugin DRA predicates failed cannot allocate all claims", "ResourceClaim"),
        ("the npus on this node don't satisfy the schedulable topology", "belong together on a node"),
        ("0/4 nodes are unavailable: 4 node(s) resource not enough.", "enough free NPUs, CPUs or memory"),
        ("plugin usage predicates node-1: node load is too high", "too busy"),
        ("0/3 nodes are available: 3 NUMA-node topology mismatch", "on one NUMA node"),
        ("hyperNode s1 cannot satisfy the network topology of the job", "close to each other"),
    ],
)
def test_further_reasons_of_schedulers_are_explained(message: str, meaning: str) -> None:
    explanation = explain([message])

    assert explanation is not None
    assert meaning in explanation.meaning
