"""The definitions of the Prometheus operator's objects, from its Go module as the sandbox takes Volcano's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from sandbox.gobuild import go_environment
from tests.e2e.sandbox_fixture import Sandbox

MODULE = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
KINDS = ("podmonitors", "prometheusrules")


def definitions() -> list[Path]:
    """The files with the definitions of what a stack makes objects of."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", MODULE], env=go_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    module = json.loads(done.stdout)
    assert module["Sum"] == SUM, "another content under the version that is pinned"
    crds = Path(module["Dir"], "example", "prometheus-operator-crd")
    return [crds / f"monitoring.coreos.com_{kind}.yaml" for kind in KINDS]


def install(sandbox: Sandbox) -> None:
    """Let the cluster know the kinds."""
    for file in definitions():
        sandbox.kubectl("apply", "--server-side", "-f", str(file))
    names = [f"crd/{kind}.monitoring.coreos.com" for kind in KINDS]
    sandbox.kubectl("wait", "--for=condition=Established", *names, "--timeout=120s")


def remove(sandbox: Sandbox) -> None:
    """Let the cluster know them no more; their objects go along."""
    for kind in KINDS:
        sandbox.kubectl("delete", f"crd/{kind}.monitoring.coreos.com", "--ignore-not-found", "--wait")


SERVICE = "v1.monitoring.coreos.com"
"""The APIService of the group. The API server writes it for the definitions, and leaves it alone without its label."""


def break_discovery(sandbox: Sandbox) -> None:
    """Have the API server answer 503 for the group, though its definitions and objects still exist."""
    sandbox.kubectl("label", "apiservice", SERVICE, "kube-aggregator.kubernetes.io/automanaged-")
    absent = {"name": "absent", "namespace": "default", "port": 443}
    patch = {"spec": {"service": absent, "insecureSkipTLSVerify": True}}
    sandbox.kubectl("patch", "apiservice", SERVICE, "--type=merge", f"--patch={json.dumps(patch)}")
    sandbox.kubectl("wait", "apiservice", SERVICE, "--for=condition=Available=False", "--timeout=120s")


def repair_discovery(sandbox: Sandbox) -> None:
    """Have the API server serve the group again."""
    sandbox.kubectl("delete", "apiservice", SERVICE)
    sandbox.kubectl("wait", "--for=create", "apiservice", SERVICE, "--timeout=120s")
    sandbox.kubectl("wait", "apiservice", SERVICE, "--for=condition=Available", "--timeout=120s")
