"""Messages of schedulers and their meanings: Volcano, its NPU plugin of MindCluster, HAMi, and Kubernetes' predicates.

The schedulers report why each node was rejected, in their own words. The words are theirs, the meaning is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SchedulerText:
    """A message of a scheduler. Groups of the pattern may be used in the texts, such as `{label}`."""

    pattern: re.Pattern[str]
    meaning: str
    why: str
    fix: str


@dataclass(frozen=True)
class Explanation:
    """The meaning of a message, and its fix."""

    meaning: str
    why: str
    fix: str


def explain(messages: Sequence[str]) -> Explanation | None:
    """The meaning of the messages about a pod; None if none of them is known."""
    for text in _TEXTS:
        for message in messages:
            match = text.pattern.search(message)
            if match:
                return _filled(text, match)
    return None


def _filled(text: SchedulerText, match: re.Match[str]) -> Explanation:
    groups = {name: value or "" for name, value in match.groupdict().items()}
    return Explanation(
        meaning=text.meaning.format(**groups),
        why=text.why.format(**groups),
        fix=text.fix.format(**groups),
    )


def _text(pattern: str, meaning: str, *, why: str, fix: str) -> SchedulerText:
    return SchedulerText(re.compile(pattern), meaning, why, fix)


def _npu_plugin_texts() -> Iterator[SchedulerText]:
    """Of MindCluster's plugin for Volcano (ascend-for-volcano): `node check failed … <checkNodeNPUByTask : …>`."""
    yield _text(
        r"check Node (?P<node>\S+) label \[(?P<label>[^\]]+)\] Failed, value is (?P<value>[\w.-]+)",
        "Volcano's NPU plugin rejects {node}: the node has {label}={value}, and the pod does not request it",
        why="the plugin treats the pod as one for another type of node: the nodeSelector of the pod picks the type,"
        " and its label ring-controller.atlas the chip",
        fix="write cluster.platform.nodeSelector: {{{label}: {value}}}, and the chip's label ring-controller.atlas,"
        " such as ascend-910b, under podTemplate.metadata.labels",
    )
    yield _text(
        r"check Node (?P<node>\S+) label \[(?P<label>[^\]]+)\] Failed",
        "Volcano's NPU plugin rejects {node}: the node has no label {label}",
        why="the plugin finds the type of a node by this label",
        fix="label the node with its type: kubectl label node {node} {label}=module-910b-8",
    )
    yield _text(
        r"network unhealthy card is \[\s*(?P<cards>[\w,/ -]*\w)\s*\]",
        "Volcano's NPU plugin rejects nodes whose NPU network is unhealthy: {cards}",
        why="pods with several NPUs use the network between NPUs, and the device plugin reports it as down",
        fix="check the link with hccn_tool -i N -link -g on the node; repair it or cordon the node",
    )
    yield _text(
        r"npu topology not meet job require|don't satisfy the schedulable topology",
        "Volcano's NPU plugin finds no free NPUs that belong together on a node",
        why="it allocates only connected NPUs, and the free NPUs are on different rings or boards",
        fix="free a whole ring or node, request 1, 2, 4 or 8 NPUs, or wait",
    )
    yield _text(
        r"(?i)(?:req(?:uest)?(?:ed)?\s*npu|npu\s*num(?:ber)?|require npu)[^<>]*(?:illegal|invalid|not in|must)",
        "Volcano's NPU plugin does not accept this number of NPUs",
        why="it allocates only numbers of NPUs that fit the rings of a node: 1, 2, 4 or 8",
        fix="set npus to 1, 2, 4 or 8",
    )
    yield _text(
        r"(?i)getUsableTopFromNode|(?:has|have) not? .*annotation|not initialized with device"
        r"|annotations? .*(?:not exist|not found|is nil|empty)|annos not found"
        r"|not npu node|node unregistered",
        "the scheduler does not know the NPUs of the nodes",
        why="the nodes' NPU device plugin does not report them to this scheduler",
        fix="start the device plugin for this scheduler (MindCluster: -volcanoType=true), and check its log;"
        " HAMi needs HAMi's own device plugin",
    )
    yield _text(
        r"node check failed\. for details,log by search keywords <(?P<keywords>[^>]*)>?",
        "Volcano's NPU plugin rejects the nodes: {keywords}",
        why="the plugin checks the type, the labels and the NPUs of each node",
        fix="correct the named object; the log of volcano-scheduler shows more after these words",
    )


_SLICE = "the pod requests a slice of an NPU that no node offers"


def _hami_texts() -> Iterator[SchedulerText]:
    """Of HAMi (pkg/device/common): `1/8 CardInsufficientMemory`, `1 nodes ModeNotFit(node-1)`."""
    yield _text(
        r"ModeNotFit",
        f"{_SLICE}: its kind of slices differs",
        why="a node offers either slices by template or slices by HAMi-core, and the pod requests the other kind",
        fix="request whole NPUs: remove the resource …-memory and the annotation huawei.com/vnpu-mode from podTemplate;"
        " or use a node with this kind of slices",
    )
    yield _text(
        r"Insufficient (?P<resource>\S+-(?:memory|core|cores|percent|npu-core))\b",
        f"{_SLICE}: {{resource}}",
        why="the node has no free slice of this size, or its device plugin does not divide its NPUs",
        fix="request whole NPUs: remove {resource} from podTemplate; or divide the node's NPUs (vNPU, HAMi)",
    )
    yield _text(
        r"CardInsufficient(?:Memory|Core)|CardTimeSlicingExhausted|CardComputeUnitsExhausted",
        f"{_SLICE}: no NPU has this much memory or this many cores free",
        why="HAMi divides NPUs, and other pods use the rest of each NPU",
        fix="request a smaller slice, free slices (kubectl describe node), or add a node",
    )
    yield _text(
        r"CardTypeMismatch|CardUuidMismatch",
        "no node has an NPU of the requested type",
        why="HAMi compares the type or the UUID that the pod requests with those of the nodes",
        fix="correct cluster.platform.resource, or remove the annotation that picks the NPU",
    )
    yield _text(
        r"CardNotHealth",
        "the NPUs of the nodes are unhealthy",
        why="HAMi allocates only NPUs that the device plugin reports as healthy",
        fix="check the NPUs with npu-smi info -t health; cordon the node until they are repaired",
    )
    yield _text(
        r"ExclusiveDeviceAllocateConflict|AllocatedCardsInsufficientRequest|NodeInsufficientDevice|NumaNotFit|NodeUnfitPod",
        "no node has enough free NPUs for the pod",
        why="HAMi counts the NPUs that no other pod uses, also in slices",
        fix="free NPUs, request fewer, or add a node",
    )


def _kubernetes_texts() -> Iterator[SchedulerText]:
    """Of Kubernetes' predicates, which Volcano uses too: `0/3 nodes are available: 3 Insufficient cpu.`"""
    yield _text(
        r"Insufficient (?P<resource>cpu|memory|ephemeral-storage|hugepages-\S+?)(?=[\s.,;]|$)",
        "no node has enough free {resource}",
        why="the scheduler adds up the requests of all pods on a node; NPUs alone do not make room",
        fix="lower the request under `resources`, free some on the NPU nodes, or add a node",
    )
    yield _text(
        r"Insufficient pods|Too many pods|pod number exceeded",
        "the nodes have reached their maximum number of pods",
        why="the kubelet limits the pods of a node (maxPods)",
        fix="delete pods on the NPU nodes, or raise maxPods",
    )
    yield _text(
        r"Insufficient (?P<resource>[\w.-]+/[\w.-]*\w)",
        "no node has enough free {resource}",
        why="the pod requests it, and the nodes offer less of it than other pods leave",
        fix="correct cluster.platform.resource or the request in podTemplate, or free some",
    )
    yield _text(
        r"(?:untolerated taint|had taint) \{(?P<taint>[^}:]+)",
        "the nodes have the taint {taint}, which the pod does not tolerate",
        why="a taint keeps away all pods without a toleration for it",
        fix="add a toleration for {taint} under podTemplate.spec.tolerations, or remove the taint",
    )
    yield _text(
        r"didn't match (?:Pod's )?node (?:affinity|selector)|didn't match node selector",
        "no node matches the nodeSelector or the node affinity of the pod",
        why="the pod runs only on nodes with these labels",
        fix="label the NPU nodes, or correct cluster.platform.nodeSelector or podTemplate.spec.affinity",
    )
    yield _text(
        r"didn't (?:match|satisfy) (?:pod |existing pods )?(?:topology spread|(?:anti-)?affinity)"
        r"|didn't satisfy existing pods anti-affinity",
        "the other pods of the nodes keep the pod away",
        why="a rule of podTemplate (anti-affinity or topologySpreadConstraints) requires another node",
        fix="relax the rule in podTemplate, lower replicas, or add a node",
    )


def _requirement_texts() -> Iterator[SchedulerText]:
    """Of Kubernetes' predicates about what a pod needs besides resources: volumes, ports and devices."""
    yield _text(
        r"persistentvolumeclaim \"(?P<claim>[^\"]+)\" not found",
        "the PersistentVolumeClaim {claim} does not exist",
        why="the pod mounts it",
        fix="create the claim, or correct model.source",
    )
    yield _text(
        r"unbound immediate PersistentVolumeClaim|didn't find available persistent volumes"
        r"|volume node affinity conflict",
        "the volume of a claim is not available on the nodes",
        why="the pod mounts a PersistentVolumeClaim that has no volume, or whose volume belongs to another zone",
        fix="kubectl describe pvc shows the reason; correct the claim or its storage class",
    )
    yield _text(
        r"didn't have free ports",
        "the port of the pod is in use on the nodes",
        why="with the host network, each port of a node has one pod",
        fix="change server.port, or remove hostNetwork from podTemplate",
    )
    yield _text(
        r"node\(s\) were unschedulable",
        "the nodes are cordoned",
        why="the scheduler starts no pods on a node that somebody has cordoned, for example to repair it",
        fix="kubectl uncordon the nodes after the repair, or add a node",
    )
    yield _text(
        r"exceed max volume count",
        "the nodes have reached their maximum number of volumes",
        why="the storage driver limits the volumes that a node can attach",
        fix="delete pods with volumes on the NPU nodes, or share one claim that several pods can mount",
    )
    yield _text(
        r"cannot allocate all claims",
        "no node has the devices of the pod's ResourceClaim free",
        why="the pod requests devices through dynamic resource allocation (DRA)",
        fix="remove resourceClaims from podTemplate; npus requests NPUs from the device plugin",
    )


def _volcano_texts() -> Iterator[SchedulerText]:
    """Of Volcano's own plugins: proportion, capacity, overcommit and resourcequota; and of its old releases."""
    yield _text(
        r"resource quota insufficient, requested",
        "a ResourceQuota of the namespace has no room for the pods",
        why="Volcano admits a group of pods only if the quota has room for all of them",
        fix="raise the ResourceQuota of the namespace, or lower the resources of the service",
    )
    yield _text(
        r"queue resource quota insufficient|[Qq]ueue \S* ?is overused|queue is overused",
        "the queue of the pod has too little left of its quota",
        why="Volcano counts NPUs, CPUs and memory of the queue, also those of admitted pods that still wait",
        fix="raise the quota of the queue, free some, or set another queue; kubectl get podgroups shows who waits",
    )
    yield _text(
        r"resources? in cluster (?:is|are) overused",
        "Volcano admits no further pods: the admitted pods request all resources of the cluster",
        why="it admits pods until they request the resources of all nodes, and admitted pods may still wait",
        fix="correct, scale down or delete pods that wait (kubectl get podgroups -A), or add a node",
    )
    yield _text(
        r"node\(s\) resource (?:fit failed|not enough)|not enough (?:node resource|resources in cluster)",
        "no node has enough free NPUs, CPUs or memory for the pod",
        why="the scheduler adds up the requests of all pods on a node",
        fix="lower the requests under `resources`, free some on the NPU nodes, or add a node",
    )
    yield _text(
        r"load is too high|usage .*exceed(?:s|ed)? the threshold",
        "the CPUs or the memory of the nodes are too busy",
        why="Volcano's plugin usage places no pods on nodes above its thresholds",
        fix="raise the thresholds of the plugin usage in Volcano's configuration, or free the nodes",
    )
    yield _text(
        r"(?i)numa(?:-node)? topology",
        "no node has enough CPUs free on one NUMA node",
        why="the topology policy of the pod or of the nodes requires CPUs that belong together",
        fix="lower resources.cpu, or relax the policy (volcano.sh/numa-topology-policy)",
    )
    yield _text(
        r"(?i)hyper ?node|network topology",
        "no nodes that are close to each other have room for the group",
        why="Volcano's network topology keeps the pods of a group within one HyperNode",
        fix="free nodes of one HyperNode, or allow a higher tier (kubectl get hypernodes)",
    )


_TEXTS = (
    *_npu_plugin_texts(),
    *_hami_texts(),
    *_kubernetes_texts(),
    *_requirement_texts(),
    *_volcano_texts(),
)
"""The most specific first."""
