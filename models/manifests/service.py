"""The Service in front of a service's pods."""

from __future__ import annotations

from models.manifests.metadata import NOT_AWAITED, Manifest, metadata, selector
from models.service.resolved import ResolvedService


def service_object(service: ResolvedService) -> Manifest:
    """The Service: one port, the server's.

    The annotation keeps Pulumi from waiting ten seconds for its endpoints; the pods' own wait is the gate.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, {**service.expose.annotations, **NOT_AWAITED}),
        "spec": {
            **_reached(service),
            "selector": selector(service),
            "ports": [{"name": "http", "port": service.server.port, "targetPort": "http"}],
        },
    }


def _reached(service: ResolvedService) -> Manifest:
    """From outside of the cluster, if at all. A policy that names addresses needs them as they come, not a node's."""
    if service.expose.type == "ClusterIP":
        return {}
    as_they_come = {"externalTrafficPolicy": "Local"} if service.network and service.network.cidrs else {}
    return {"type": service.expose.type, **as_they_come}
