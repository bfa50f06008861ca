"""The objects that run pods: where they keep the pod's template, and which of them are no service of this program."""

from __future__ import annotations

from dataclasses import dataclass

from convert.objects import Object
from models.manifests.metadata import RANK_LABEL, SET_LABEL

TemplateKeys = tuple[str | int, ...]
"""The keys of a pod's template in the object that runs the pod."""

_TEMPLATES: dict[str, TemplateKeys] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
"""The keys of the pod's template, by the kind of the object that runs the pods."""

_VOLCANO_JOB = "batch.volcano.sh"
_LEADER_WORKER_SET = "LeaderWorkerSet"
_LEADER: TemplateKeys = ("spec", "leaderWorkerTemplate", "leaderTemplate")
_WORKER: TemplateKeys = ("spec", "leaderWorkerTemplate", "workerTemplate")
_TASKS = ("spec", "tasks")
_ROLES: dict[str, TemplateKeys] = {
    "PyTorchJob": ("spec", "pytorchReplicaSpecs"),
    "AscendJob": ("spec", "replicaSpecs"),
}
"""The keys of the pods of jobs with roles, such as `Master` and `Worker`."""

WORKLOADS = frozenset({*_TEMPLATES, _LEADER_WORKER_SET, *_ROLES})
"""The kinds of objects that run pods and can be converted."""


@dataclass(frozen=True)
class Refusal:
    """Why an object is no service, and what to do."""

    sentence: str
    fix: str


_ONE_KIND = "a service of this program has pods of one kind, or a leader with workers"
_KEEP = "keep it unchanged"
_NODES = "write a service with nodes, which starts such a server without it: see docs/several-nodes.md"
_OF_RUNTIME = Refusal(
    "is a runtime of KServe: it has the command, and an InferenceService names the model",
    "convert the objects of KServe: kubectl get deployment -l serving.kserve.io/inferenceservice=NAME -o yaml",
)
_OF_AIBRIX = Refusal(
    f"is an object of AIBrix: its roles, such as prefill and decode, are several kinds of pods; {_ONE_KIND}",
    "convert the pod of a role: kubectl get pod NAME -o yaml",
)
_OF_OTHERS = {
    "ModelServing": Refusal(
        f"is a ModelServing of Kthena: its roles, such as prefill and decode, are several kinds of pods; {_ONE_KIND}",
        f"{_KEEP}, or convert a Deployment that runs one of its roles alone",
    ),
    "KubeInfer": Refusal(
        f"is a KubeInfer of ModelArts: its roles are several kinds of pods; {_ONE_KIND}",
        f"{_KEEP}, or convert the pod of a role: kubectl get pod NAME -o yaml",
    ),
    "InferenceService": Refusal(
        "is an InferenceService of KServe: its ServingRuntime may have the command",
        "convert the objects of KServe: kubectl get deployment -l serving.kserve.io/inferenceservice=NAME -o yaml",
    ),
    "LLMInferenceService": Refusal(
        f"is an LLMInferenceService of KServe, which makes pods of several kinds; {_ONE_KIND}",
        "convert the objects of KServe: kubectl get deployment -o yaml",
    ),
    "ServingRuntime": _OF_RUNTIME,
    "ClusterServingRuntime": _OF_RUNTIME,
    "LLMInferenceServiceConfig": Refusal(
        "is a configuration of KServe, from which services take their commands",
        "convert the objects of KServe: kubectl get deployment -o yaml",
    ),
    "StormService": _OF_AIBRIX,
    "RoleSet": _OF_AIBRIX,
    "RayClusterFleet": Refusal(
        "is a RayClusterFleet of AIBrix: Ray starts its server over the pods of its head and its workers",
        _NODES,
    ),
    "VLLMRuntime": Refusal(
        "is a VLLMRuntime of the production stack, whose operator writes the command",
        "convert the Deployment of the operator: kubectl get deployment NAME -o yaml",
    ),
    "DynamoGraphDeployment": Refusal(
        f"is a graph of Dynamo: its services are several kinds of pods; {_ONE_KIND}",
        "convert the pod of a service: kubectl get pod NAME -o yaml",
    ),
    "Template": Refusal(
        "is a Template of OpenShift, whose parameters have no values yet",
        "fill it in first: oc process -f FILE -p NAME=VALUE | ascend-vllm convert -",
    ),
    "RayJob": Refusal(
        "is a RayJob: Ray runs its command over the pods of its head and its workers",
        _NODES,
    ),
    "RayCluster": Refusal(
        "is a RayCluster: its head starts Ray, and a server is started in it later",
        _NODES,
    ),
    "RayService": Refusal(
        "is a RayService: Ray starts its server over the pods of its head and its workers",
        _NODES,
    ),
    "MPIJob": Refusal(
        "is an MPIJob: its launcher starts the processes of its workers over SSH",
        _NODES,
    ),
    "Kustomization": Refusal(
        "is a Kustomization, which names files of objects",
        "render it first: kubectl kustomize DIRECTORY",
    ),
    "HelmRelease": Refusal(
        "is a HelmRelease of Flux, which names a Helm chart",
        "render the chart first: helm template",
    ),
    "Application": Refusal(
        "is an Application of Argo CD, which names files of objects",
        "convert those files",
    ),
}
"""Objects of others that run servers, and that are no service."""


def templates(owner: Object) -> list[TemplateKeys]:
    """The keys of the templates of its pods. There are several if it runs pods of several kinds, as a Volcano Job."""
    if refusal(owner):
        return []
    if _is_volcano_job(owner):
        tasks = owner.at(*_TASKS).items()
        return [(*_TASKS, index, "template") for index in range(len(tasks))]
    if owner.kind == _LEADER_WORKER_SET:
        return _templates_of_set(owner)
    if owner.kind in _ROLES:
        roles = owner.at(*_ROLES[owner.kind]).mapping()
        return [(*_ROLES[owner.kind], role, "template") for role in roles]
    if owner.kind in _TEMPLATES:
        return [_TEMPLATES[owner.kind]]
    return []


def _templates_of_set(owner: Object) -> list[TemplateKeys]:
    """The templates of a LeaderWorkerSet. Without one for leaders, they have that of the workers."""
    has_leader = owner.at(*_LEADER).value is not None
    if has_leader and group_size(owner) > 1:
        return [_LEADER, _WORKER]
    return [_LEADER if has_leader else _WORKER]


def group_size(owner: Object) -> int:
    """How many pods a group of the object has; 1 if it runs no groups, or names no number."""
    if not runs_groups(owner):
        return 1
    size = owner.at("spec", "leaderWorkerTemplate", "size").value
    return size if isinstance(size, int) else 1


def runs_groups(owner: Object) -> bool:
    """Whether the replicas of an object are groups of pods."""
    return owner.kind == _LEADER_WORKER_SET


def replicas(owner: Object, keys: TemplateKeys) -> Object:
    """The number of pods of a template, or of groups.

    Args:
        owner: The object.
        keys: The keys of the template.
    """
    if _is_volcano_job(owner) or owner.kind in _ROLES:
        return owner.at(*keys[:-1], "replicas")
    return owner.at("spec", "replicas")


def is_repeated(owner: Object, keys: TemplateKeys) -> bool:
    """Whether an object runs several pods of a template, and gives each its number."""
    count = replicas(owner, keys).value
    is_numbered = owner.kind == "StatefulSet" or _is_volcano_job(owner)
    return is_numbered and isinstance(count, int) and count > 1


def ranks_of_template(owner: Object, keys: TemplateKeys) -> tuple[int, ...]:
    """The places in a group for which a template of a LeaderWorkerSet is used: 0, and 1 for all workers."""
    if group_size(owner) == 1:
        return ()
    if keys == _LEADER:
        return (0,)
    if owner.at(*_LEADER).value is None:
        return (0, 1)
    return (1,)


def variables_of_rank(owner: Object, rank: int) -> dict[str, str]:
    """The variables that a pod gets from the controller of its group, or from Kubernetes."""
    if runs_groups(owner):
        return {
            "LWS_WORKER_INDEX": str(rank),
            "LWS_GROUP_SIZE": str(group_size(owner)),
        }
    if _is_volcano_job(owner):
        return {"VC_TASK_INDEX": str(rank), "VK_TASK_INDEX": str(rank)}
    return {"HOSTNAME": f"{owner.name}-{rank}"}


def labels_of_rank(owner: Object, rank: int) -> dict[str, str]:
    """The labels that a pod gets from the controller of its group, or of its StatefulSet."""
    if runs_groups(owner):
        return {SET_LABEL: owner.name, RANK_LABEL: str(rank)}
    if owner.kind == "StatefulSet":
        return {
            "statefulset.kubernetes.io/pod-name": f"{owner.name}-{rank}",
            "apps.kubernetes.io/pod-index": str(rank),
        }
    return {}


def refusal(owner: Object) -> Refusal | None:
    """Why an object of a workload is no service; None if it can be one."""
    if owner.kind in _OF_OTHERS:
        return _OF_OTHERS[owner.kind]
    return None


def _is_volcano_job(owner: Object) -> bool:
    group, _, _ = owner.at("apiVersion").text().partition("/")
    return owner.kind == "Job" and group == _VOLCANO_JOB
