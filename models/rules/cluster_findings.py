"""The registry's entries for findings about a live cluster: of `check --live`, `status` and `pulumi up`."""

from __future__ import annotations

from models.rules.registry import add_rules

_ERRORS = {
    # before an update: is the cluster ready for the stack?
    "cluster-unreachable": "The API server of the stack's context answers.",
    "namespace-missing": "The namespace exists, or the stack creates it.",
    "namespace-pod-security": "Pod Security of the namespace allows the directories of the node that the pods mount.",
    "volcano-missing": "Volcano is installed; it schedules all pods.",
    "queue-missing": "The queue of each service exists, or the stack creates it.",
    "object-missing": "The Secrets, claims and other objects that the pods refer to exist.",
    "nodes-missing": "At least one node has the labels of the platform.",
    "npus-missing": "The device plugin of the matching nodes offers NPUs under the platform's resource name.",
    # why a pod has no node
    "no-volcano": "The scheduler of a pod is installed.",
    "no-queue": "The queue of a pod exists. Volcano ignores pods of an unknown queue.",
    "queue-closed": "The queue of a pod is open. A closed queue accepts no pods.",
    "no-matching-node": "A node matches the node selector and the taints of a pod.",
    "no-npu-resource": "A matching node offers healthy NPUs.",
    "too-many-npus": "A matching node has as many NPUs as the pod requests.",
    "gang-waiting": "All pods of a gang have room together. Before that, Volcano starts no pod of the gang.",
    "queue-full": "The queue of a pod has NPUs left in its quota.",
    "no-free-npus": "A matching node has as many free NPUs as the pod requests.",
    "queue-held": "Volcano has accepted the pod group of a pod into its queue.",
    "not-scheduled": "The scheduler has looked at a pod.",
    "unschedulable": "The scheduler finds a node for a pod.",
    "no-room": "The nodes of the cluster have room for all pods of the stack.",
    # why a container does not start
    "image-name": "The image has a valid name.",
    "image-not-found": "The registry has the image, or the node has it where it must not be pulled.",
    "image-unauthorized": "The registry accepts the pull secrets of the service.",
    "image-registry": "The node reaches the registry of the image.",
    "image-pull": "The node can pull the image.",
    "container-config": "The Secrets and ConfigMaps that a container refers to exist.",
    "container-create": "The container runtime can create the container.",
    "pod-sandbox": "The node can set up the network and the devices of a pod.",
    "failed-mount": "The node can mount the volumes of a pod.",
    # why a pod was lost
    "evicted": "The node does not evict the pod.",
    "npu-unhealthy": "The NPUs of a pod are healthy.",
    "preempted": "No pod of a higher priority takes the place of a pod.",
    "refused-by-node": "The node accepts the pod.",
    "refused-by-device-plugin": "The NPU device plugin of the node accepts the pod.",
    "node-lost": "The node of a pod exists and reports to the API server.",
    "stuck-terminating": "A deleted pod ends within its grace period.",
    # why a container ends
    "crash-loop": "The containers of a pod do not exit again and again.",
    "init-failed": "The init containers of a pod do not fail again and again.",
    "preflight": "The driver and the NPUs of the node, and the weights, fit the service.",
    "out-of-memory": "The containers of a pod stay within their memory limit.",
    # why a service is not ready
    "not-observed": "The controller of Deployments has looked at the Deployment of each service.",
    "not-deployed": "The cluster has the Deployment of each service of the stack.",
    "unread": "The objects that the state of a service follows from can be read.",
    "quota": "A quota of the namespace allows the pods.",
    "pod-security": "Pod Security of the namespace allows the pods.",
    "pods-refused": "The API server accepts the pods.",
    "paused": "The Deployment is not paused.",
    "rollout-stuck": "A rollout makes progress.",
    "not-ready": "A pod whose containers are ready becomes ready.",
    "startup-budget-spent": "The server answers within `startup`.",
    "liveness-killed": "The server answers its liveness probe.",
    # why a group of pods over several nodes is not ready
    "no-leader-worker-set": "The LeaderWorkerSet controller is installed if a service has several nodes.",
    "group-controller-down": "The LeaderWorkerSet controller answers.",
    "gang-scheduling-off": "The LeaderWorkerSet controller creates PodGroups, so that groups start as a whole.",
    "group-too-large": "The matching nodes together have room for the pods of one group.",
    "group-name-too-long": "The name of a service leaves room for the suffixes of the names of its pods.",
    "group-update-refused": "Kubernetes accepts the changes of a LeaderWorkerSet.",
    "group-crash-loop": "The pods of a group do not exit again and again.",
    "group-member-failed": "The log of no member of a group shows a failure while the group is not ready.",
    "group-gave-up": "The servers of a group do not end again and again.",
    "group-surge-stuck": "The additional group of an update has free nodes.",
    "group-update-waits": "All groups that were requested fit, so that an update goes on.",
    "smoke-failed": "The service answers the smoke request correctly after an update.",
}

_WARNINGS = {
    "kind-missing": "The cluster has all optional kinds of objects. Without a kind, an update omits its objects.",
    "pools-differ": "`cluster.pools` is equal to the nodes of the cluster.",
    "scheduling": "The scheduler has reported where a pod runs, or why no node accepts it.",
    "crash": "The containers of a pod do not exit. Kubernetes starts them again.",
    "init-failed-once": "The init containers of a pod succeed. Kubernetes starts them again.",
    "out-of-memory-once": "The containers of a pod stay within their memory limit. Kubernetes starts them again.",
    "pulling-image": "The node has pulled the image.",
    "preparing": "The init containers have prepared the pod.",
    "starting": "The container has started.",
    "slow-start": "The server answers soon after the container starts.",
    "terminating": "The pod is not being deleted.",
    "group-incomplete": "All pods of a group exist.",
    "rolling": "The rollout is complete.",
}

add_rules("cluster", ("error",), _ERRORS)
add_rules("cluster", ("warning",), _WARNINGS)
