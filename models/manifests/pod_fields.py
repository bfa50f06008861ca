"""The fields of a pod's template, and which key of the stack file writes those that a patch may not touch."""

from __future__ import annotations

POD_FIELDS: dict[str, type] = {
    **dict.fromkeys(("activeDeadlineSeconds", "priority", "terminationGracePeriodSeconds"), int),
    **dict.fromkeys(("automountServiceAccountToken", "enableServiceLinks", "hostIPC", "hostNetwork", "hostPID"), bool),
    **dict.fromkeys(("hostUsers", "setHostnameAsFQDN", "shareProcessNamespace"), bool),
    **dict.fromkeys(("affinity", "dnsConfig", "nodeSelector", "os", "overhead"), dict),
    **dict.fromkeys(("resources", "securityContext"), dict),
    **dict.fromkeys(("containers", "ephemeralContainers", "hostAliases", "imagePullSecrets", "initContainers"), list),
    **dict.fromkeys(("readinessGates", "resourceClaims", "schedulingGates", "tolerations"), list),
    **dict.fromkeys(("topologySpreadConstraints", "volumes"), list),
    **dict.fromkeys(("dnsPolicy", "hostname", "hostnameOverride", "nodeName", "preemptionPolicy"), str),
    **dict.fromkeys(("priorityClassName", "restartPolicy", "runtimeClassName", "schedulerName"), str),
    **dict.fromkeys(("serviceAccount", "serviceAccountName", "subdomain"), str),
}
"""The fields of a pod's spec, and what each holds (k8s.io/api v0.34.1, core/v1, PodSpec)."""

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
"""Fields of a pod's spec that the program writes, with the key that they follow from; empty where none does."""

_CONTAINERS = {
    "ascend-vllm": "engine, server, env or resources",
    "fetch-model": "model.source",
    "verify-model": "model.verify",
    "install-mindspeed": "mindSpeed",
    "convert-eagle": "speculative.convert",
}

OWNED_ITEMS = {
    "containers": _CONTAINERS,
    "initContainers": _CONTAINERS,
    "volumes": {
        "model-path": "model",
        "draft-model-path": "speculative.source",
        "lora-path-": "lora.adapters",
        "graph-cache": "graph.cache",
        "mindspeed": "mindSpeed",
        "node-path": "engine or server",
        "shm": "resources.shm",
        **dict.fromkeys(("ascend-driver", "ascend-add-ons", "hccn", "localtime", "npu-smi"), "cluster.platform"),
    },
}
"""Containers and volumes that the program makes, with the key that they follow from; a name that ends in - is a
beginning."""

OWNED_LABELS = {"app": "", "app.kubernetes.io/": ""}
"""Labels of the pods that the program writes; a name that ends in / is a beginning."""

OWNED_ANNOTATIONS = {
    "scheduling.volcano.sh/queue-name": "queue",
    "scheduling.volcano.sh/group-min-member": "minMember",
    "scheduling.k8s.io/group-name": "minMember",
    "pulumi.com/": "",
}
"""Annotations that the program or Volcano writes, with the key that they follow from; a name that ends in / is a
beginning."""
