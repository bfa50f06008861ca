"""The Job that proves after an update that a service answers correctly."""

from __future__ import annotations

import json
from collections.abc import Iterator

from models.manifests.launch_map import content_hash
from models.manifests.metadata import Manifest, metadata
from models.manifests.pod import from_secret
from models.resolve import ResolvedService
from models.scripts import SMOKE, script_text

PATIENCE = 60
"""Seconds that the Job waits for the Service to lead to the new pods."""

_SHARED = ("schedulerName", "imagePullSecrets", "nodeSelector", "enableServiceLinks")
_PYTHON = 'exec "$(command -v python || command -v python3)" -c "$0" "$@"'


def smoke_jobs(service: ResolvedService, template: Manifest) -> Iterator[Manifest]:
    """The Job, if the service wants one and has pods.

    Its name is made of the pods' template and of what it asks: whatever changes a pod makes a new Job. It runs where
    the image is, has no NPU, and its pods are not the service's. By its annotation Pulumi's provider makes one that
    failed anew in the next update.

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
        "command": ["/bin/bash", "-c", *words],
        "env": [from_secret("VLLM_API_KEY", service.server.api_key)] if service.server.api_key else [],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    spec = {
        **{key: value for key, value in template["spec"].items() if key in _SHARED},
        "restartPolicy": "Never",
        "containers": [container],
    }
    name = f"{service.name}-smoke-{content_hash({'pods': json.dumps(template), 'asked': json.dumps(words)})}"
    yield {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata(service, {"pulumi.com/replaceUnready": "true"}), "name": name},
        "spec": {"backoffLimit": 1, "activeDeadlineSeconds": service.startup, "template": {"spec": spec}},
    }
