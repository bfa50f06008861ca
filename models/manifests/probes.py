"""The probes by which the kubelet decides whether a server has started, is ready and is alive."""

from __future__ import annotations

import math

from models.launch.group import GROUP_ALIVE, GROUP_NOT_SERVING, GROUP_WHOLE
from models.launch.launch import DRAINING, LAUNCH_DIRECTORY, WARM
from models.launch.scripts import READY
from models.manifests.metadata import Manifest
from models.service.resolved import ResolvedService

_STARTUP_PERIOD = 5
"""Seconds between two startup probes."""

_QUIET = 6
"""Seconds after which a pod of a group that shows no sign of life is not ready (models/launch/scripts/member.py)."""

_NOW = "printf -v now '%(%s)T' -1"
_ALIVE = f"{_NOW}; read -r last < {GROUP_ALIVE} && (( now - last <= {_QUIET} ))"
"""Whether the program that keeps the group together runs, as commands of bash: an image may have no others."""

_HUNG_GRACE_PERIOD = 10
"""Seconds from SIGTERM to SIGKILL for a worker that hangs: its hook waits for the leader, and it does not see one."""


def probes(service: ResolvedService) -> Manifest:
    """The three probes. The startup probe has `startup` seconds to succeed; until then the others wait.

    The kubelet restarts a server that has not answered for 100 seconds; a single long step of the engine is shorter. A
    pod that drains is not ready. Otherwise kube-proxy would still send it requests while no other pod is ready.
    """
    health = _health(service)
    started = (
        _file_exists(WARM)
        if service.pta_graph and service.pta_graph.warm_up
        else health
    )
    failures = math.ceil(service.startup / _STARTUP_PERIOD)
    return {
        "startupProbe": {
            **started,
            "periodSeconds": _STARTUP_PERIOD,
            "failureThreshold": failures,
        },
        "readinessProbe": {
            **_readiness(service),
            "periodSeconds": 5,
            "failureThreshold": 3,
        },
        "livenessProbe": {**health, "periodSeconds": 10, "failureThreshold": 10},
    }


def leader_probes(service: ResolvedService) -> Manifest:
    """The probes of the leader of a group.

    It is ready while its server takes requests and all pods of its group answer: vLLM's own `/health` stays 200
    when a worker is gone. There is no startup probe: `member.py` starts the server again if it does not answer in time,
    and the kubelet would restart the container, which recreates the whole group.
    """
    health_request = f"exec /bin/bash {LAUNCH_DIRECTORY}/{READY} {service.server.port}"
    tls = " tls" if service.tls else ""
    ready = f"{_ALIVE} && test -e {GROUP_WHOLE} && {health_request} {DRAINING}{tls}"
    serves = f"{health_request} {GROUP_NOT_SERVING}{tls}"
    alive = f"{_ALIVE} || exit 1; test -e {GROUP_NOT_SERVING} || {serves}"
    return {
        "readinessProbe": {
            **_shell(ready),
            "periodSeconds": 2,
            "failureThreshold": 2,
        },
        "livenessProbe": {**_shell(alive), "periodSeconds": 10, "failureThreshold": 10},
    }


def worker_probes() -> Manifest:
    """The probe of a worker: the leader waits for one that hangs, and only the kubelet can end it."""
    return {
        "livenessProbe": {
            **_shell(_ALIVE),
            "periodSeconds": 10,
            "failureThreshold": 10,
            "terminationGracePeriodSeconds": _HUNG_GRACE_PERIOD,
        },
    }


def _shell(command: str) -> Manifest:
    return {
        "exec": {"command": ["/bin/bash", "-c", command]},
        "timeoutSeconds": 5,
    }


def _health(service: ResolvedService) -> Manifest:
    """A request that the server answers as long as its engine works."""
    request = {"path": service.release.health_path, "port": "http"}
    if service.tls:
        request["scheme"] = "HTTPS"
    return {"httpGet": request, "timeoutSeconds": 5}


def _readiness(service: ResolvedService) -> Manifest:
    command = [
        "/bin/bash",
        f"{LAUNCH_DIRECTORY}/{READY}",
        str(service.server.port),
        DRAINING,
    ]
    if service.tls:
        command.append("tls")
    return {"exec": {"command": command}, "timeoutSeconds": 5}


def _file_exists(path: str) -> Manifest:
    return _shell(f"test -f {path}")
