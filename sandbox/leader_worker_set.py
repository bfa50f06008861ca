"""The LeaderWorkerSet controller in a sandbox: its resource definitions, its manager, and its admission webhooks.

It runs next to the control plane, and the API server reaches its webhooks on loopback. kwok's own certificate is valid
there. Volcano comes first: the manager creates a PodGroup for each group.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox import controlplane, kubectl, paths, processes
from sandbox.stages import await_served

MANAGER = "lws-manager"
COMPONENTS = (MANAGER,)

_SECONDS = 60
_GROUP = "leaderworkerset.x-k8s.io"
_SET_WEBHOOK = {
    "rules": [
        {
            "apiGroups": [_GROUP],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["leaderworkersets"],
        }
    ],
}
# The controller's own configuration asks for every pod. With the label, other pods do not need the manager.
_POD_WEBHOOK = {
    "rules": [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["pods"],
        }
    ],
    "objectSelector": {
        "matchExpressions": [
            {"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"}
        ]
    },
}

# Only the webhooks fill in the defaults of a set, so a dry run shows whether they answer.
_SMALLEST_SET = {
    "apiVersion": f"{_GROUP}/v1",
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "probe", "namespace": "default"},
    "spec": {
        "leaderWorkerTemplate": {
            "workerTemplate": {
                "spec": {"containers": [{"name": "probe", "image": "probe"}]}
            }
        }
    },
}


def is_wanted(home: Path) -> bool:
    """Whether the sandbox in `home` was started with the controller."""
    return _configuration_file(home).exists()


def start(home: Path, crds: Path, enter: Sequence[str] = ()) -> None:
    """Install the definitions, start the manager, and wait until its webhooks answer.

    Args:
        home: The directory of the sandbox. Volcano runs in it.
        crds: The directory with the definitions.
        enter: The beginning of a command line that runs a command in the network of a real node.

    Raises:
        SandboxError: The manager exits, or does not answer within a minute.
    """
    kubectl.kubectl(home, "apply", "--server-side", "-f", str(crds))
    await_served(home)
    port = _free_port()
    _configuration_file(home).write_text(json.dumps(_configuration(home, port)))
    program = [str(home / "bin" / MANAGER), f"--config={_configuration_file(home)}"]
    variables = {
        **controlplane.component_environment(home),
        "KUBECONFIG": str(paths.kubeconfig(home)),
    }
    log = home / "logs" / f"{MANAGER}.log"
    processes.start([*enter, *program], variables, log)
    objects = {"apiVersion": "v1", "kind": "List", "items": _webhooks(home, port)}
    kubectl.kubectl(
        home, "apply", "--server-side", "-f", "-", stdin=json.dumps(objects)
    )
    _await_webhooks(home, log)


def _await_webhooks(home: Path, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        controlplane.check_alive(home, COMPONENTS)
        if _webhooks_answer(home):
            return
        time.sleep(0.1)
    message = f"the webhooks of {MANAGER} did not answer within {_SECONDS} s"
    raise controlplane.failed_start(message, log)


def _webhooks_answer(home: Path) -> bool:
    answer = kubectl.call(
        home,
        "create",
        "--dry-run=server",
        "--output=jsonpath={.spec.networkConfig.subdomainPolicy}",
        "-f",
        "-",
        stdin=json.dumps(_SMALLEST_SET),
    )
    return answer.stdout == "Shared"


def _configuration_file(home: Path) -> Path:
    return home / "lws.json"


def _certificates(home: Path) -> Path:
    """The certificates that kwok made for the control plane."""
    return home / "kwok" / "clusters" / home.name / "pki"


def _configuration(home: Path, port: int) -> dict[str, Any]:
    """The configuration of the manager, which refuses unknown fields."""
    certificates = _certificates(home)
    return {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "webhook": {
            "host": "127.0.0.1",
            "port": port,
            "certDir": str(_served_certificates(home, certificates)),
        },
        "health": {"healthProbeBindAddress": "0"},
        "metrics": {"bindAddress": "0"},
        "leaderElection": {"leaderElect": False},
        # Otherwise it creates certificates for a Service in the cluster.
        "internalCertManagement": {"enable": False},
        # Without it there are no PodGroups, so the pods of a group would start one by one.
        "gangSchedulingManagement": {"schedulerProvider": "volcano"},
    }


def _served_certificates(home: Path, certificates: Path) -> Path:
    """A directory with the certificate and key under the names that the manager reads."""
    directory = home / "lws-certificates"
    directory.mkdir(exist_ok=True)
    for name, source in (("tls.crt", "admin.crt"), ("tls.key", "admin.key")):
        link = directory / name
        link.unlink(missing_ok=True)
        link.symlink_to(certificates / source)
    return directory


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _webhooks(home: Path, port: int) -> list[dict[str, Any]]:
    authority = base64.b64encode((_certificates(home) / "ca.crt").read_bytes()).decode()

    def webhook(name: str, path: str, scope: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            "clientConfig": {
                "url": f"https://127.0.0.1:{port}/{path}",
                "caBundle": authority,
            },
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **scope,
        }

    mutating = [
        webhook(
            "mleaderworkerset.kb.io",
            "mutate-leaderworkerset-x-k8s-io-v1-leaderworkerset",
            _SET_WEBHOOK,
        ),
        webhook("mpod.kb.io", "mutate--v1-pod", _POD_WEBHOOK),
    ]
    validating = [
        webhook(
            "vleaderworkerset.kb.io",
            "validate-leaderworkerset-x-k8s-io-v1-leaderworkerset",
            _SET_WEBHOOK,
        )
    ]
    return [
        _webhook_configuration("MutatingWebhookConfiguration", mutating),
        _webhook_configuration("ValidatingWebhookConfiguration", validating),
    ]


def _webhook_configuration(kind: str, webhooks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "lws"},
        "webhooks": webhooks,
    }
