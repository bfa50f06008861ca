"""The paths under which the API server lists the kinds of objects that this program reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.snapshot import SELECTOR
from models.manifests.kinds import KTHENA, LEADER_WORKER_SET, MONITORING, VOLCANO


@dataclass(frozen=True)
class ApiPath:
    """Where the objects of a kind are listed."""

    version: str
    """API group and version, `apps/v1`; `v1` for the core group."""
    plural: str
    kind: str
    selectors: Mapping[str, str] = field(default_factory=dict)
    """Query parameters that select objects."""
    whole_cluster: bool = False
    """Whether to list the objects of all namespaces, or of a kind without namespace."""

    @property
    def base(self) -> str:
        """The beginning of the path."""
        if "/" in self.version:
            return "/apis"
        return "/api"


_OURS = {"labelSelector": SELECTOR}
_HAS_NODE = {"fieldSelector": "spec.nodeName!="}

DEPLOYMENTS = ApiPath("apps/v1", "deployments", "Deployment", selectors=_OURS)
PODS = ApiPath("v1", "pods", "Pod", selectors=_OURS)
LEADER_WORKER_SETS = ApiPath(
    LEADER_WORKER_SET, "leaderworkersets", "LeaderWorkerSet", selectors=_OURS
)
NODES = ApiPath("v1", "nodes", "Node", whole_cluster=True)
DEFINITIONS = ApiPath(
    "apiextensions.k8s.io/v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    whole_cluster=True,
)
AUTOSCALERS = ApiPath(
    "autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"
)

SERVICE_OBJECTS = (
    DEPLOYMENTS,
    ApiPath("v1", "services", "Service", selectors=_OURS),
    ApiPath("v1", "configmaps", "ConfigMap", selectors=_OURS),
)
"""The objects that every service has."""

NARROW = {
    "deployments": DEPLOYMENTS,
    "replica_sets": ApiPath("apps/v1", "replicasets", "ReplicaSet", selectors=_OURS),
    "pods": PODS,
    "events": ApiPath("v1", "events", "Event"),
}
"""The lists of a snapshot that are in the namespace, by their field of `Snapshot`."""

WIDE = {
    **NARROW,
    "nodes": NODES,
    "holders": ApiPath("v1", "pods", "Pod", selectors=_HAS_NODE, whole_cluster=True),
    "pod_groups": ApiPath(VOLCANO, "podgroups", "PodGroup"),
    "cluster_groups": ApiPath(VOLCANO, "podgroups", "PodGroup", whole_cluster=True),
    "queues": ApiPath(VOLCANO, "queues", "Queue", whole_cluster=True),
}
"""All lists of a snapshot, by their field of `Snapshot`."""

_CLAIMS = ApiPath("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
_SECRETS = ApiPath("v1", "secrets", "Secret")

STACK_OBJECTS = {
    path.kind: path
    for path in (
        *SERVICE_OBJECTS,
        LEADER_WORKER_SETS,
        _SECRETS,
        _CLAIMS,
        ApiPath("batch/v1", "jobs", "Job"),
        ApiPath("v1", "namespaces", "Namespace", whole_cluster=True),
        ApiPath(VOLCANO, "queues", "Queue", whole_cluster=True),
        ApiPath(
            "policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", selectors=_OURS
        ),
        ApiPath(
            "networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", selectors=_OURS
        ),
        ApiPath(MONITORING, "podmonitors", "PodMonitor", selectors=_OURS),
        ApiPath(MONITORING, "prometheusrules", "PrometheusRule", selectors=_OURS),
        ApiPath(KTHENA, "modelservers", "ModelServer", selectors=_OURS),
        ApiPath(KTHENA, "modelroutes", "ModelRoute", selectors=_OURS),
    )
}
"""The objects that a stack creates, by kind."""

PREREQUISITES = {
    path.kind: path
    for path in (
        _SECRETS,
        _CLAIMS,
        ApiPath("v1", "configmaps", "ConfigMap"),
        ApiPath(
            "scheduling.k8s.io/v1",
            "priorityclasses",
            "PriorityClass",
            whole_cluster=True,
        ),
        ApiPath("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", whole_cluster=True),
        ApiPath("v1", "serviceaccounts", "ServiceAccount"),
        ApiPath(
            "apiextensions.k8s.io/v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
            whole_cluster=True,
        ),
    )
}
"""The objects that a stack needs and does not create, by kind."""


def definition_of(kind: str) -> str:
    """The name of a kind's CustomResourceDefinition: `queues.scheduling.volcano.sh`."""
    path = STACK_OBJECTS[kind]
    group, _, _ = path.version.partition("/")
    return f"{path.plural}.{group}"
