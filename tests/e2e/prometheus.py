"""An outage of the API group of the Prometheus operator."""

from __future__ import annotations

import json

from tests.e2e.sandbox_fixture import Sandbox

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
