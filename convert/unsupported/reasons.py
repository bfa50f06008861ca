"""Why a field of a pod, of its container or of its owner is not copied, and the way out where there is one."""

from __future__ import annotations

_PROGRAM = "the program writes this part of the object without it"

_REASONS = {
    "lifecycle": "the server has no commands of its own: drain sets what happens before a pod ends",
    "tty stdin stdinOnce": "a server reads no terminal",
    "workingDir": "the server starts in the working directory of the image: write absolute paths",
    "volumeDevices": "the server reads weights from a file system: write model.source",
    "resizePolicy": "a change of resources replaces the pods",
    "restartPolicy": "Kubernetes starts a server again that has ended",
    "terminationMessagePath terminationMessagePolicy": "the program shows the log of a server that has ended",
    "imagePullPolicy": "an image is pulled if the node does not have it: write a tag that never changes, or a digest",
    "minReadySeconds": "a pod is ready when its server answers /health: startup sets how long that may take",
    "revisionHistoryLimit": "Pulumi and the repository of the stack file have the history",
    "paused suspend": "write replicas: 0 for a service without pods",
    "updateStrategy podManagementPolicy": "rollout sets how pods are replaced",
    "serviceName ordinals": "the pods of a service have no fixed names: clients use its Service",
    "volumeClaimTemplates persistentVolumeClaimRetentionPolicy": (
        "all pods read one claim: write model: {source: {kind: claim, name: NAME}}"
    ),
    "backoffLimit backoffLimitPerIndex podFailurePolicy maxRestarts": (
        "Kubernetes starts a server again as often as it ends"
    ),
    "activeDeadlineSeconds ttlSecondsAfterFinished": "a server runs until the service is removed from the stack",
    "completions parallelism completionMode": "replicas sets the number of pods",
    "schedule concurrencyPolicy startingDeadlineSeconds timeZone": (
        "a server runs all the time: let a job change replicas: external by the clock"
    ),
    "hostPort hostIP": "the nodes have no port for a pod: write expose: NodePort",
    "securityContext.privileged": "the device plugin gives a pod its NPUs without this right",
    "securityContext.capabilities": "a server needs no capability but DAC_OVERRIDE to serve a model",
    "securityContext.allowPrivilegeEscalation": "a server needs no more rights than it starts with",
    "securityContext.procMount": "a server needs no other /proc than the usual one",
    "securityContext.fsGroup securityContext.fsGroupChangePolicy securityContext.supplementalGroups": (
        "pods have one further group: write cluster.platform.group"
    ),
    "securityContext.runAsGroup": "the group is that of the user in the image: write runAsUser for the user",
    "securityContext.seccompProfile": (
        "profiles of the nodes are not supported: write cluster.seccomp: RuntimeDefault or Unconfined"
    ),
    "securityContext.sysctls": "the program controls securityContext: set it on the node, if the server needs it",
    "securityContext.seLinuxOptions securityContext.appArmorProfile securityContext.windowsOptions": (
        "the program controls securityContext: the defaults of the node's container runtime count"
    ),
}
"""The reasons, by the names of the fields."""

REASON_OF_LABELS = (
    "only pods have further {kind}s: write podTemplate.metadata.{kind}s if they need it"
)
"""The reason for a label or an annotation of the owner."""

REASON_OF_OBJECTS = "the stack has no such object: keep it in a file of its own, and apply it with kubectl"
"""The reason for an object of another kind."""

REASON_OF_RESOURCES = (
    "a server gets CPUs, memory and NPUs only: choose nodes that have it by "
    "cluster.platform.nodeSelector"
)
"""The reason for a further resource, such as a network device."""

REASON_OF_STORAGE = (
    "a server may use the free disk of its node: choose nodes with enough of it"
)
"""The reason for ephemeral-storage."""


def reason_of(field: str) -> str:
    """Why a field is not copied.

    Args:
        field: Its name; for a field of a securityContext with that name before it.
    """
    for fields, reason in _REASONS.items():
        if field in fields.split():
            return reason
    return _PROGRAM
