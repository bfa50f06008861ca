"""The Service in front of a service's pods."""

from __future__ import annotations

from models.manifests.metadata import NOT_AWAITED, Manifest, metadata, serving_selector
from models.service.resolved import ResolvedService


def service_object(service: ResolvedService) -> Manifest:
    """The Service, with the server's port.

    Its annotation keeps Pulumi from waiting ten seconds for endpoints: the program waits for the pods themselves.
    """
    spec = _exposure(service)
    spec["selector"] = serving_selector(service.answering or service)
    spec["ports"] = [
        {"name": "http", "port": service.server.port, "targetPort": "http"}
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, {**service.expose.annotations, **NOT_AWAITED}),
        "spec": spec,
    }


def _exposure(service: ResolvedService) -> Manifest:
    """The type of a Service that is reached from outside of the cluster.

    A NetworkPolicy with addresses must see the client's own address, not the node's: `externalTrafficPolicy: Local`.
    """
    if service.expose.type == "ClusterIP":
        return {}
    spec: Manifest = {"type": service.expose.type}
    if service.network and service.network.cidrs:
        spec["externalTrafficPolicy"] = "Local"
    return spec
