"""The objects that run pods: where they keep the pod's template, and which of them are no service of this program."""

from __future__ import annotations

from dataclasses import dataclass

from convert.objects import Object

_TEMPLATES: dict[str, tuple[str, ...]] = {
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
_TASKS = ("spec", "tasks")

WORKLOADS = frozenset({*_TEMPLATES, _LEADER_WORKER_SET})
"""The kinds of objects that run pods and can be converted."""


@dataclass(frozen=True)
class Refusal:
    """Why an object is no service, and what to do."""

    sentence: str
    fix: str


_ONE_POD = "a service of this program is one pod"
_KEEP = "keep it as it is"
_OF_OTHERS = {
    "ModelServing": Refusal(
        f"is a ModelServing of Kthena: its roles, such as prefill and decode, are several kinds of pods; {_ONE_POD}",
        f"{_KEEP}, or convert a Deployment that runs one of its roles alone",
    ),
    "KubeInfer": Refusal(
        f"is a KubeInfer of ModelArts: its roles are several kinds of pods; {_ONE_POD}",
        f"{_KEEP}, or convert the pod of a role: kubectl get pod NAME -o yaml",
    ),
    "InferenceService": Refusal(
        "is an InferenceService of KServe: its ServingRuntime has the command, and a service here is one pod",
        "convert what KServe made: kubectl get deployment -l serving.kserve.io/inferenceservice=NAME -o yaml",
    ),
    "LLMInferenceService": Refusal(
        f"is an LLMInferenceService of KServe, which makes pods of several kinds; {_ONE_POD}",
        "convert what KServe made: kubectl get deployment -o yaml",
    ),
    "RayCluster": Refusal(
        f"is a RayCluster: one server over the pods of its head and its workers; {_ONE_POD}",
        _KEEP,
    ),
    "RayService": Refusal(
        f"is a RayService: one server over the pods of its head and its workers; {_ONE_POD}",
        _KEEP,
    ),
    "PyTorchJob": Refusal(
        f"is a PyTorchJob: its master and its workers are several pods; {_ONE_POD}",
        _KEEP,
    ),
    "AscendJob": Refusal(
        f"is an AscendJob of MindCluster: its master and its workers are several pods; {_ONE_POD}",
        _KEEP,
    ),
    "MPIJob": Refusal(
        f"is an MPIJob: its launcher and its workers are several pods; {_ONE_POD}",
        _KEEP,
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


def template_keys(owner: Object) -> tuple[str | int, ...] | None:
    """The keys of the pod's template; None if the object runs no pods, or pods of several kinds."""
    if refusal(owner):
        return None
    if _is_volcano_job(owner):
        return (*_TASKS, 0, "template")
    if owner.kind == _LEADER_WORKER_SET:
        return ("spec", "leaderWorkerTemplate", "workerTemplate")
    return _TEMPLATES.get(owner.kind)


def replicas(owner: Object) -> Object:
    """The number of pods of an object."""
    if _is_volcano_job(owner):
        return owner.at(*_TASKS, 0, "replicas")
    return owner.at("spec", "replicas")


def refusal(owner: Object) -> Refusal | None:
    """Why an object of a workload is no service; None if it can be one."""
    if owner.kind in _OF_OTHERS:
        return _OF_OTHERS[owner.kind]
    if owner.kind == _LEADER_WORKER_SET:
        return _several_nodes(owner)
    if not _is_volcano_job(owner):
        return None
    tasks = owner.at(*_TASKS).items()
    if len(tasks) < 2:
        return None
    names = ", ".join(task.at("name").text() or "?" for task in tasks)
    return Refusal(
        f"is a Volcano Job whose tasks are several kinds of pods ({names}); {_ONE_POD}",
        f"{_KEEP}, or convert a Deployment that runs one of its tasks alone",
    )


def _is_volcano_job(owner: Object) -> bool:
    group, _, _ = owner.at("apiVersion").text().partition("/")
    return owner.kind == "Job" and group == _VOLCANO_JOB


def _several_nodes(owner: Object) -> Refusal | None:
    size = owner.at("spec", "leaderWorkerTemplate", "size")
    if size.value in (None, 1):
        return None
    return Refusal(
        f"is a LeaderWorkerSet: one server over a group of {size.text()} pods; {_ONE_POD}",
        _KEEP,
    )
