"""How the kubelet sees whether a server starts, answers and lives."""

from __future__ import annotations

import math

from models.launch import WARM
from models.manifests.metadata import Manifest
from models.resolve import ResolvedService

_PERIOD = 5

# Both servers answer /health without a key, the OpenAI one as long as its engine lives (vllm/entrypoints/openai/
# api_server.py:268, vllm/entrypoints/api_server.py:34).
_HEALTH = {"path": "/health", "port": "http"}


def probes(service: ResolvedService) -> Manifest:
    """The three probes: until the first success of the startup probe, within `startup`, the others wait.

    A server that answers no more is restarted after 100 seconds, since one long step of the engine is no death.
    """
    healthy = {"httpGet": {**_HEALTH, **({"scheme": "HTTPS"} if service.tls else {})}, "timeoutSeconds": 5}
    warm = {"exec": {"command": ["test", "-f", WARM]}, "timeoutSeconds": 5}
    failures = math.ceil(service.startup / _PERIOD)
    started = warm if service.graph.warm_up else healthy
    return {
        "startupProbe": {**started, "periodSeconds": _PERIOD, "failureThreshold": failures},
        "readinessProbe": {**healthy, "periodSeconds": _PERIOD, "failureThreshold": 3},
        "livenessProbe": {**healthy, "periodSeconds": 10, "failureThreshold": 10},
    }
