"""How the kubelet sees whether a server starts, answers and lives."""

from __future__ import annotations

import math

from models.launch import WARM
from models.manifests.metadata import Manifest
from models.resolve import ResolvedService

_PERIOD = 5

# Both servers answer /health without a key, the OpenAI one as long as its engine lives (vllm/entrypoints/openai/
# api_server.py:268, vllm/entrypoints/api_server.py:34).
_HEALTH = {"httpGet": {"path": "/health", "port": "http"}, "timeoutSeconds": 5}


def probes(service: ResolvedService) -> Manifest:
    """The three probes: until the first success of the startup probe, within `startup`, the others wait.

    A server that answers no more is restarted after 100 seconds, since one long step of the engine is no death.
    """
    started = {"exec": {"command": ["test", "-f", WARM]}, "timeoutSeconds": 5} if service.graph.warm_up else _HEALTH
    return {
        "startupProbe": {
            **started,
            "periodSeconds": _PERIOD,
            "failureThreshold": math.ceil(service.startup / _PERIOD),
        },
        "readinessProbe": {**_HEALTH, "periodSeconds": _PERIOD, "failureThreshold": 3},
        "livenessProbe": {**_HEALTH, "periodSeconds": 10, "failureThreshold": 10},
    }
