"""What a container may do: nothing that serving a model does not need."""

from __future__ import annotations

from models.manifests.metadata import Manifest
from models.service.resolved import ResolvedService


def container_security(service: ResolvedService) -> Manifest:
    """The security context of a container.

    Of all capabilities root keeps one, to read the files of the image's own user (ma-user), which the manual's images
    start from; another user keeps none.
    """
    root = service.run_as_user == 0
    return {
        "runAsUser": service.run_as_user,
        **({} if root else {"runAsNonRoot": True}),
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], **({"add": ["DAC_OVERRIDE"]} if root else {})},
    }


def pod_security(service: ResolvedService) -> Manifest:
    """What the whole pod may do.

    NPUs belong to the group HwHiAiUser of the node; root is no member by itself (CCE, cce_10_0239). The pod asks
    Kubernetes for nothing, so it gets no token.
    """
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "supplementalGroups": [service.cluster.platform.group],
            "seccompProfile": {"type": service.cluster.seccomp},
        },
    }
