"""How the kubelet sees whether a server starts, answers and lives."""

from __future__ import annotations

import math

from models.launch.launch import DRAINING, LAUNCH_DIRECTORY, WARM
from models.launch.scripts import READY
from models.manifests.metadata import Manifest
from models.service.resolved import ResolvedService

_PERIOD = 5

# Both servers answer /health without a key, the OpenAI one as long as its engine lives (vllm/entrypoints/openai/
# api_server.py:268, vllm/entrypoints/api_server.py:34).
_HEALTH = {"path": "/health", "port": "http"}


def probes(service: ResolvedService) -> Manifest:
    """The three probes: until the first success of the startup probe, within `startup`, the others wait.

    A server that answers no more is restarted after 100 seconds, since one long step of the engine is no death. A pod
    that drains is not ready, or kube-proxy would send it requests as long as no other pod is.
    """
    healthy = {"httpGet": {**_HEALTH, **({"scheme": "HTTPS"} if service.tls else {})}, "timeoutSeconds": 5}
    asked = ["/bin/bash", f"{LAUNCH_DIRECTORY}/{READY}", str(service.server.port), DRAINING]
    ready = {"exec": {"command": [*asked, "tls"] if service.tls else asked}, "timeoutSeconds": 5}
    warm = {"exec": {"command": ["/bin/bash", "-c", f"test -f {WARM}"]}, "timeoutSeconds": 5}
    failures = math.ceil(service.startup / _PERIOD)
    started = warm if service.graph.warm_up else healthy
    return {
        "startupProbe": {**started, "periodSeconds": _PERIOD, "failureThreshold": failures},
        "readinessProbe": {**ready, "periodSeconds": _PERIOD, "failureThreshold": 3},
        "livenessProbe": {**healthy, "periodSeconds": 10, "failureThreshold": 10},
    }
