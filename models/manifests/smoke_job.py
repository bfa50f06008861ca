"""The Job that proves after an update that a service answers correctly."""

from __future__ import annotations

import json
from collections.abc import Iterator

from models.launch.scripts import SMOKE, script_text
from models.manifests.init_containers import from_secret
from models.manifests.launch_map import content_hash
from models.manifests.metadata import INSTANCE_LABEL, NOT_AWAITED, Manifest, metadata
from models.manifests.security import container_security
from models.service.resolved import ResolvedService

PATIENCE = 60
"""Seconds that the Job waits for the Service to lead to the new pods."""

FROM_PODS = (
    *("schedulerName", "nodeSelector", "enableServiceLinks", "tolerations", "runtimeClassName", "imagePullSecrets"),
    *("dnsPolicy", "dnsConfig", "hostAliases", "automountServiceAccountToken", "securityContext"),
)
"""What the Job's pod takes over from the service's: without it, it would run elsewhere, have no image, not find the
Service, or be allowed more."""

MADE_ANEW = {"pulumi.com/replaceUnready": "true", "pulumi.com/deletionPropagationPolicy": "background"}
"""Annotations by which Pulumi's provider makes a Job anew in the next update that has not succeeded. The old one has to
be gone at once for it, not after its pods."""

_PYTHON = 'exec "$(command -v python || command -v python3)" -c "$0" "$@"'


def smoke_labels(service: ResolvedService) -> dict[str, str]:
    """The labels of the Job's pod, which is none of the service's: by them its NetworkPolicy admits it."""
    return {INSTANCE_LABEL: service.name, "app.kubernetes.io/component": "smoke"}


def smoke_jobs(service: ResolvedService, template: Manifest) -> Iterator[Manifest]:
    """The Job, if the service wants one and has pods.

    Its name is made of the pods' template and of what it asks: whatever changes a pod makes a new Job. It has at most
    the 63 characters that a label of the Job's pod holds. It runs where the image is, has no NPU, and its pods are not
    the service's.

    Args:
        service: The service.
        template: The template of its pods.
    """
    if not service.smoke or not service.replicas:
        return
    asked = {"url": service.endpoint, "kind": service.server.kind, "models": service.model_names}
    limits = {"longest": service.engine.max_model_len, "patience": PATIENCE}
    words = [_PYTHON, script_text(SMOKE), json.dumps({**asked, **limits}, ensure_ascii=False)]
    container = {
        "name": "smoke",
        "image": service.image,
        "securityContext": container_security(service),
        "command": ["/bin/bash", "-c", *words],
        "env": [from_secret("VLLM_API_KEY", service.server.api_key)] if service.server.api_key else [],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    spec = {
        **{key: template["spec"][key] for key in FROM_PODS if key in template["spec"]},
        "restartPolicy": "Never",
        "containers": [container],
    }
    pod = {"metadata": {"labels": smoke_labels(service)}, "spec": spec}
    name = f"{service.name[:46]}-smoke-{content_hash({'pods': json.dumps(template), 'asked': json.dumps(words)})}"
    yield {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata(service, {**NOT_AWAITED, **MADE_ANEW}), "name": name},
        "spec": {"backoffLimit": 1, "activeDeadlineSeconds": service.startup, "template": pod},
    }
