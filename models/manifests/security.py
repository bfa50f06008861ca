"""The security contexts: a container gets only the rights that serving a model needs."""

from __future__ import annotations

from typing import Any

from models.manifests.metadata import Manifest
from models.service.resolved import ResolvedService


def container_security(service: ResolvedService) -> Manifest:
    """The security context of a container.

    Root keeps one capability, DAC_OVERRIDE: the manual's images start as root, and their files belong to ma-user.
    Another user keeps none.
    """
    capabilities: dict[str, list[str]] = {"drop": ["ALL"]}
    context: dict[str, Any] = {"runAsUser": service.run_as_user}
    if service.run_as_user == 0:
        capabilities["add"] = ["DAC_OVERRIDE"]
    else:
        context["runAsNonRoot"] = True
    context["allowPrivilegeEscalation"] = False
    context["capabilities"] = capabilities
    if service.read_only_root_filesystem:
        context["readOnlyRootFilesystem"] = True
    return context


def pod_security(service: ResolvedService) -> Manifest:
    """The security settings of the whole pod.

    NPUs belong to the group HwHiAiUser of the node, and root is not automatically a member (CCE, cce_10_0239). The pod
    sends no requests to Kubernetes, so it gets no service account token.
    """
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "supplementalGroups": [service.cluster.platform.group],
            "seccompProfile": {"type": service.cluster.seccomp},
        },
    }
