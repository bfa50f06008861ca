"""The Service in front of a service's pods."""

from __future__ import annotations

from models.manifests.metadata import NOT_AWAITED, Manifest, metadata, selector
from models.resolve import ResolvedService


def service_object(service: ResolvedService) -> Manifest:
    """The Service: one port, the server's.

    The annotation keeps Pulumi from waiting ten seconds for its endpoints; the pods' own wait is the gate.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, NOT_AWAITED),
        "spec": {
            "selector": selector(service),
            "ports": [{"name": "http", "port": service.server.port, "targetPort": "http"}],
        },
    }
