"""The fields of a Deployment that users know by a name, and the fields of the stack file that set them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.launch.preflight import compared_model, oldest_driver
from models.manifests.pod import shares_nodes
from models.record import quantity_text
from models.service.resolved import ResolvedService
from models.stack_file.keys.operation import Recreate

_CONTAINER = r"spec\.containers\[ascend-vllm\]"
_INIT_CONTAINER = r"spec\.initContainers\[.+?\]"
_READ_ONLY_ROOT = (
    rf"({_CONTAINER}|{_INIT_CONTAINER})\."
    r"(securityContext\.readOnlyRootFilesystem|workingDir|env\[HOME\].*|volumeMounts\[ascend-vllm-tmp\].*)"
    r"|spec\.volumes\[ascend-vllm-tmp\].*"
)
"""All that `readOnlyRootFilesystem` adds to a pod."""


@dataclass(frozen=True)
class NamedField:
    """A field of a Deployment, with the name that users know."""

    pattern: str
    """Regular expression of its paths."""
    part: str
    """The changed part, as in "its image changed"."""
    name: str
    value: Callable[[ResolvedService], str | None]
    """Returns its value as text. None: the service does not set it."""
    stack_field: str = ""
    """The field of the stack file that sets it. Empty: it has the same name."""
    because: str = ""
    """The reason of its value, if no field of the service sets it."""


def changed_field(
    fields: Sequence[NamedField],
    path: str,
    old: ResolvedService,
    new: ResolvedService,
) -> NamedField | None:
    """The first field with this path whose value differs between two services."""
    for field in fields:
        if re.fullmatch(field.pattern, path) and field.value(old) != field.value(new):
            return field
    return None


def _replicas(service: ResolvedService) -> str:
    """The number of pods, or `external` if an autoscaler sets it."""
    if service.external:
        return "external"
    return str(service.replicas)


def _rollout(service: ResolvedService) -> str:
    rollout = service.rollout
    if isinstance(rollout, Recreate):
        return "recreate"
    return f"maxSurge {rollout.max_surge}, maxUnavailable {rollout.max_unavailable}"


def _min_member(service: ResolvedService) -> str:
    return str(service.min_member)


def _image(service: ResolvedService) -> str:
    return service.image


def _nodes(service: ResolvedService) -> str:
    return str(service.nodes)


def _npus(service: ResolvedService) -> str:
    return str(service.npus)


def _npu_resource(service: ResolvedService) -> str:
    return service.cluster.platform.resource


def _node_selector(service: ResolvedService) -> str | None:
    labels = service.cluster.platform.node_selector
    return ", ".join(f"{key}={value}" for key, value in labels.items()) or None


def _affinity(service: ResolvedService) -> str | None:
    if shares_nodes(service):
        return "prefers nodes that run other services"
    return None


def _cpu(service: ResolvedService) -> str:
    return str(service.resources.cpu)


def _memory(service: ResolvedService) -> str:
    return quantity_text(service.resources.memory)


def _shm(service: ResolvedService) -> str:
    return quantity_text(service.resources.shm)


def _startup(service: ResolvedService) -> str:
    return f"{service.startup}s"


def _startup_probe(service: ResolvedService) -> str:
    if service.pta_graph and service.pta_graph.warm_up:
        return "warm-up done"
    return "/health"


def _port(service: ResolvedService) -> str:
    return str(service.server.port)


def _scheme(service: ResolvedService) -> str:
    if service.tls:
        return "https"
    return "http"


def _drain(service: ResolvedService) -> str:
    return f"{service.drain}s"


def _api_key(service: ResolvedService) -> str | None:
    api_key = service.server.api_key
    if api_key is None:
        return None
    return str(api_key)


def _pull_secrets(service: ResolvedService) -> str | None:
    return ", ".join(str(secret) for secret in service.pull_secrets) or None


def _read_only_root(service: ResolvedService) -> str:
    return str(service.read_only_root_filesystem).lower()


def _seccomp(service: ResolvedService) -> str:
    return service.cluster.seccomp


def _npu_group(service: ResolvedService) -> str:
    return str(service.cluster.platform.group)


def _user(service: ResolvedService) -> str:
    return str(service.run_as_user)


def _queue(service: ResolvedService) -> str | None:
    return service.queue


def _priority_class(service: ResolvedService) -> str | None:
    return service.priority_class


_PREFLIGHT = r"spec\.initContainers\[preflight(-weights)?\]\.args.*"
"""The facts that the preflight compares. Those that follow from another field of the pod have no name."""

READ_ONLY_ROOT = NamedField(
    pattern=_READ_ONLY_ROOT,
    part="security",
    name="readOnlyRootFilesystem",
    value=_read_only_root,
)
"""The field whose difference also explains a variable and a volume."""

NODES = NamedField(
    pattern=r"spec\.nodes",
    part="nodes",
    name="nodes",
    value=_nodes,
)
"""The nodes of one server."""

POD_TEMPLATE_FIELDS = (
    NamedField(
        pattern=_PREFLIGHT,
        part="preflight",
        name="oldest driver",
        value=oldest_driver,
        because="the engine release, and ascend-vllm.lock",
    ),
    NamedField(
        pattern=_PREFLIGHT,
        part="preflight",
        name="model of the preflight",
        value=compared_model,
        stack_field="model.facts",
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.image",
        part="image",
        name="image",
        value=_image,
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.resources\..*/.*",
        part="NPUs",
        name="npus",
        value=_npus,
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.resources\..*/.*",
        part="NPUs",
        name="NPU resource",
        value=_npu_resource,
        because="cluster.platform",
    ),
    NamedField(
        pattern=r"spec\.nodeSelector.*",
        part="placement",
        name="nodeSelector",
        value=_node_selector,
        because="cluster.platform",
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.resources\..*cpu",
        part="resources",
        name="cpu",
        value=_cpu,
        stack_field="resources.cpu",
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.resources\..*memory",
        part="resources",
        name="memory",
        value=_memory,
        stack_field="resources.memory",
    ),
    NamedField(
        pattern=r"spec\.volumes\[shm\].*",
        part="resources",
        name="shm",
        value=_shm,
        stack_field="resources.shm",
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.startupProbe\.failure.*",
        part="startup",
        name="startup",
        value=_startup,
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.startupProbe\..*",
        part="probes",
        name="startup probe",
        value=_startup_probe,
        stack_field="graph.warmUp",
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.(?:ports|readinessProbe\.exec).*",
        part="port",
        name="containerPort",
        value=_port,
        stack_field="server.port",
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.\w+Probe\..*",
        part="probes",
        name="probes",
        value=_scheme,
        because="the server's TLS certificate",
    ),
    NamedField(
        pattern=r"spec\.terminationGracePeriodSeconds",
        part="drain",
        name="drain",
        value=_drain,
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.env\[VLLM_API_KEY\].*",
        part="API key",
        name="API key",
        value=_api_key,
        stack_field="server.apiKey",
    ),
    NamedField(
        pattern=r"spec\.imagePullSecrets.*",
        part="pull secrets",
        name="pullSecrets",
        value=_pull_secrets,
    ),
    NamedField(
        pattern=r"spec\.securityContext\.seccomp.*",
        part="security",
        name="seccomp",
        value=_seccomp,
        because="cluster.seccomp",
    ),
    NamedField(
        pattern=r"spec\.securityContext\..*",
        part="security",
        name="group of the NPUs",
        value=_npu_group,
        because="cluster.platform",
    ),
    NamedField(
        pattern=rf"{_CONTAINER}\.securityContext.*",
        part="security",
        name="user",
        value=_user,
        stack_field="runAsUser",
    ),
    NamedField(
        pattern=r"metadata\.annotations.*queue-name",
        part="queue",
        name="queue",
        value=_queue,
    ),
    NamedField(
        pattern=r"spec\.priorityClassName",
        part="priority class",
        name="priorityClass",
        value=_priority_class,
    ),
    NODES,
    NamedField(
        pattern=r"spec\.affinity.*",
        part="placement",
        name="affinity",
        value=_affinity,
        because="npus and cluster.pools",
    ),
)
"""Fields of the pod template. A changed one restarts the pods."""

DEPLOYMENT_FIELDS = (
    NamedField(
        pattern=r"spec\.replicas",
        part="replicas",
        name="replicas",
        value=_replicas,
    ),
    NamedField(
        pattern=r"spec\.strategy.*",
        part="rollout",
        name="rollout",
        value=_rollout,
        stack_field="rollout.kind",
    ),
    NamedField(
        pattern=r"metadata\.annotations.*group-min-member",
        part="gang",
        name="minMember",
        value=_min_member,
    ),
)
"""Fields of the Deployment outside the pod template. A changed one restarts no pod."""

MOUNT_FIELDS = {
    "model-path": "model.source",
    "draft-model-path": "speculative.source",
    "lora-path": "lora.adapters",
    "graph-cache": "graph.cache",
    "mindspeed": "mindSpeed.kind",
}
"""Beginning of a volume's name, and the field of the stack file that adds it. The platform adds the others."""
