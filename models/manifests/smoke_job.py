"""The smoke Job: it proves after an update that a service answers correctly."""

from __future__ import annotations

import json
from collections.abc import Iterator

from models.engines.tasks import task_of
from models.launch.scripts import SMOKE, SMOKE_POOLING, script_text
from models.manifests.expansion import literal_container
from models.manifests.init_containers import from_secret
from models.manifests.launch_map import content_hash
from models.manifests.metadata import INSTANCE_LABEL, NOT_AWAITED, Manifest, metadata
from models.manifests.security import container_security
from models.service.resolved import ResolvedService

PATIENCE = 60
"""Seconds that the Job waits until the Service routes to the new pods."""

FROM_PODS = (
    "schedulerName",
    "nodeSelector",
    "enableServiceLinks",
    "tolerations",
    "runtimeClassName",
    "imagePullSecrets",
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
    "automountServiceAccountToken",
    "securityContext",
)
"""Fields that the Job's pod takes from the service's pods. Without them it would run on another node, lack the image,
fail to resolve the Service, or have more rights."""

RECREATED = {
    "pulumi.com/replaceUnready": "true",
    "pulumi.com/deletionPropagationPolicy": "background",
}
"""Annotations by which Pulumi's provider recreates a failed Job in the next update. For that, the old Job must be
deleted immediately, without waiting for its pods."""

_LONGEST_PREFIX = 46
"""Characters of the service's name in the Job's name. A label of the Job's pod holds the whole name: 63 characters."""

_SHELL = ["/bin/bash", "-c"]
_PYTHON = 'exec "$(command -v python || command -v python3)" -c "$0" "$@"'


def smoke_labels(service: ResolvedService) -> dict[str, str]:
    """The labels of the Job's pod. The NetworkPolicy admits it by them; the service's selector does not match them."""
    return {INSTANCE_LABEL: service.name, "app.kubernetes.io/component": "smoke"}


def smoke_jobs(service: ResolvedService, template: Manifest) -> Iterator[Manifest]:
    """The Job, if the service requests one and has pods.

    Its name contains a hash of the pods' template and of its questions, so each change of a pod creates a new Job. The
    Job runs where the image is and requests no NPU.

    Args:
        service: The service.
        template: The template of its pods.
    """
    if not service.smoke or not service.replicas:
        return
    container = literal_container(_container(service))
    pod_spec = {
        key: template["spec"][key] for key in FROM_PODS if key in template["spec"]
    }
    pod_spec["restartPolicy"] = "Never"
    pod_spec["containers"] = [container]
    arguments = container["command"][len(_SHELL) :]
    content = {"pods": json.dumps(template), "asked": json.dumps(arguments)}
    name = f"{service.name[:_LONGEST_PREFIX]}-smoke-{content_hash(content)}"
    yield {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata(service, {**NOT_AWAITED, **RECREATED}), "name": name},
        "spec": {
            "backoffLimit": 1,
            "activeDeadlineSeconds": service.startup,
            "template": {
                "metadata": {"labels": smoke_labels(service)},
                "spec": pod_spec,
            },
        },
    }


def _command(service: ResolvedService) -> list[str]:
    """The arguments of bash: it starts the image's Python with the script, and the questions as JSON."""
    questions = {
        "url": service.endpoint,
        "kind": service.server.kind,
        "models": service.model_names,
        "longest": service.engine.max_model_len,
        "patience": PATIENCE,
    }
    script = SMOKE
    task = task_of(service)
    if task in ("embed", "rerank"):
        script = SMOKE_POOLING
        questions["task"] = task
    return [_PYTHON, script_text(script), json.dumps(questions, ensure_ascii=False)]


def _container(service: ResolvedService) -> Manifest:
    variables = []
    if service.server.api_key:
        variables.append(from_secret("VLLM_API_KEY", service.server.api_key))
    return {
        "name": "smoke",
        "image": service.image,
        "securityContext": container_security(service),
        "command": [*_SHELL, *_command(service)],
        "env": variables,
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
