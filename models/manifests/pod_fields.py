"""The fields of a pod's template, and the key of the stack file that controls each field that a patch may not touch."""

from __future__ import annotations

OWNED_POD_FIELDS = {
    "activeDeadlineSeconds": "",
    "automountServiceAccountToken": "",
    "enableServiceLinks": "",
    "ephemeralContainers": "",
    "imagePullSecrets": "pullSecrets",
    "nodeName": "cluster.platform.nodeSelector",
    "priority": "priorityClass",
    "priorityClassName": "priorityClass",
    "resources": "resources",
    "restartPolicy": "",
    "schedulerName": "",
    "securityContext": "runAsUser, or cluster.seccomp",
    "terminationGracePeriodSeconds": "drain",
}
"""Fields of a pod's spec that the program writes, with the key that controls each; empty if no key does."""

_CONTAINERS = {
    "ascend-vllm": "engine, server, env or resources",
    "preflight": "preflight",
    "preflight-weights": "preflight",
    "fetch-model": "model.source",
    "verify-model": "model.verify",
    "install-mindspeed": "mindSpeed",
    "convert-eagle": "speculative.convert",
}

_VOLUMES = {
    "model-path": "model",
    "draft-model-path": "speculative.source",
    "lora-path-": "lora.adapters",
    "graph-cache": "graph.cache",
    "mindspeed": "mindSpeed",
    "node-path": "engine or server",
    "shm": "resources.shm",
    "ascend-vllm-tmp": "readOnlyRootFilesystem",
    "ascend-driver": "cluster.platform",
    "ascend-add-ons": "cluster.platform",
    "hccn": "cluster.platform",
    "localtime": "cluster.platform",
    "npu-smi": "cluster.platform",
    "ascend-dcmi": "cluster.platform",
    "ascend-install-info": "cluster.platform",
}

OWNED_ITEMS = {
    "containers": _CONTAINERS,
    "initContainers": _CONTAINERS,
    "volumes": _VOLUMES,
}
"""Containers and volumes that the program creates, with the key that controls each. A name that ends in - is a
prefix."""

OWNED_LABELS = {
    "app": "",
    "app.kubernetes.io/": "",
    "leaderworkerset.sigs.k8s.io/": "",
}
"""Labels of the pods that the program or LeaderWorkerSet writes. A name that ends in / is a prefix."""

OWNED_ANNOTATIONS = {
    "scheduling.volcano.sh/queue-name": "queue",
    "scheduling.volcano.sh/group-min-member": "minMember",
    "scheduling.k8s.io/group-name": "minMember",
    "pulumi.com/": "",
    "leaderworkerset.sigs.k8s.io/": "",
}
"""Annotations that the program, Volcano or LeaderWorkerSet writes, with the key that controls each. A name that
ends in / is a prefix."""
