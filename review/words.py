"""How people call the parts of a Deployment, and which field of the stack file each follows from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.manifests.pod import shares_nodes
from models.record import quantity_text
from models.service.resolved import ResolvedService
from models.stack_file.operation import Recreate

_CONTAINER = r"spec\.containers\[ascend-vllm\]"


@dataclass(frozen=True)
class Word:
    """A part of an object in words."""

    pattern: str
    """Of the paths that it stands for."""
    part: str
    """As in "its image changed"."""
    name: str
    shown: Callable[[ResolvedService], str | None]
    """Its value."""
    field: str = ""
    """The field that it follows from, when it is not its name."""
    because: str = ""
    """What it follows from, when it is no field."""


def replicas(service: ResolvedService) -> str:
    """The number of pods, or the word for one that an autoscaler sets."""
    return "external" if service.external else str(service.replicas)


def _rollout(service: ResolvedService) -> str:
    rollout = service.rollout
    if isinstance(rollout, Recreate):
        return "recreate"
    return f"maxSurge {rollout.max_surge}, maxUnavailable {rollout.max_unavailable}"


def _secret(service: ResolvedService) -> str | None:
    key = service.server.api_key
    return str(key) if key else None


def _pull_secrets(service: ResolvedService) -> str | None:
    return ", ".join(map(str, service.pull_secrets)) or None


def _affinity(service: ResolvedService) -> str | None:
    return "beside other pods" if shares_nodes(service) else None


def _resource(service: ResolvedService) -> str:
    return service.cluster.platform.resource


def _node_selector(service: ResolvedService) -> str | None:
    return ", ".join(f"{key}={value}" for key, value in service.cluster.platform.node_selector.items()) or None


def _seccomp(service: ResolvedService) -> str:
    return service.cluster.seccomp


def _group(service: ResolvedService) -> str:
    return str(service.cluster.platform.group)


def _memory(service: ResolvedService) -> str:
    return quantity_text(service.resources.memory)


def _shm(service: ResolvedService) -> str:
    return quantity_text(service.resources.shm)


def _started(service: ResolvedService) -> str:
    return "warm-up done" if service.pta_graph and service.pta_graph.warm_up else "/health"


def _scheme(service: ResolvedService) -> str:
    return "https" if service.tls else "http"


POD = (
    Word(rf"{_CONTAINER}\.image", "image", "image", lambda one: one.image),
    Word(rf"{_CONTAINER}\.resources\..*/.*", "NPUs", "npus", lambda one: str(one.npus)),
    Word(rf"{_CONTAINER}\.resources\..*/.*", "NPUs", "NPU resource", _resource, because="cluster.platform"),
    Word(r"spec\.nodeSelector.*", "placement", "nodeSelector", _node_selector, because="cluster.platform"),
    Word(rf"{_CONTAINER}\.resources\..*cpu", "resources", "cpu", lambda one: str(one.resources.cpu), "resources.cpu"),
    Word(rf"{_CONTAINER}\.resources\..*memory", "resources", "memory", _memory, "resources.memory"),
    Word(r"spec\.volumes\[shm\].*", "resources", "shm", _shm, "resources.shm"),
    Word(rf"{_CONTAINER}\.startupProbe\.failure.*", "startup", "startup", lambda one: f"{one.startup}s"),
    Word(rf"{_CONTAINER}\.startupProbe\..*", "probes", "startup probe", _started, "graph.warmUp"),
    Word(
        rf"{_CONTAINER}\.(?:ports|readinessProbe\.exec).*",
        "port",
        "containerPort",
        lambda one: str(one.server.port),
        "server.port",
    ),
    Word(rf"{_CONTAINER}\.\w+Probe\..*", "probes", "probes", _scheme, because="the certificate of the server"),
    Word(r"spec\.terminationGracePeriodSeconds", "drain", "drain", lambda one: f"{one.drain}s"),
    Word(rf"{_CONTAINER}\.env\[VLLM_API_KEY\].*", "API key", "API key", _secret, "server.apiKey"),
    Word(r"spec\.imagePullSecrets.*", "pull secrets", "pullSecrets", _pull_secrets),
    Word(r"spec\.securityContext\.seccomp.*", "security", "seccomp", _seccomp, because="cluster.seccomp"),
    Word(r"spec\.securityContext\..*", "security", "group of the NPUs", _group, because="cluster.platform"),
    Word(rf"{_CONTAINER}\.securityContext.*", "security", "user", lambda one: str(one.run_as_user), "runAsUser"),
    Word(r"metadata\.annotations.*queue-name", "queue", "queue", lambda one: one.queue),
    Word(r"spec\.priorityClassName", "priority class", "priorityClass", lambda one: one.priority_class),
    Word(r"spec\.affinity.*", "placement", "affinity", _affinity, because="npus, and the nodes of cluster.pools"),
)
"""The parts of the template of the pods."""

REST = (
    Word(r"spec\.replicas", "replicas", "replicas", replicas),
    Word(r"spec\.strategy.*", "rollout", "rollout", _rollout, "rollout.kind"),
    Word(r"metadata\.annotations.*group-min-member", "gang", "minMember", lambda one: str(one.min_member)),
)
"""The parts of the Deployment around it; they restart nothing."""

MOUNTS = {
    "model-path": "model.source",
    "draft-model-path": "speculative.source",
    "lora-path": "lora.adapters",
    "graph-cache": "graph.cache",
    "mindspeed": "mindSpeed.kind",
}
"""The fields that volumes follow from, by the beginning of their names; the others are the platform's."""


def word_for(words: Sequence[Word], path: str, old: ResolvedService, new: ResolvedService) -> Word | None:
    """The first word for a path whose value in words differs too."""
    return next(
        (word for word in words if re.fullmatch(word.pattern, path) and word.shown(old) != word.shown(new)), None
    )
