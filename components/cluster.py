"""The cluster of a stack: the provider of its context, and the kinds of objects that it knows."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes import Provider

from cluster.api import kubeconfig
from cluster.api.discovery import as_served
from models.service.resolved import Cluster, ResolvedStack


def cluster_provider(
    cluster: Cluster, name: str = "cluster", opts: pulumi.ResourceOptions | None = None
) -> Provider:
    """Register a provider for the context that the cluster names, whichever context is current.

    Without any kubeconfig, a preview continues: it can run where there are no credentials. An update does not.

    Raises:
        pulumi.RunError: The kubeconfig does not have the context.
    """
    contexts = kubeconfig.contexts()
    preview_without_kubeconfig = pulumi.runtime.is_dry_run() and not contexts
    if cluster.context not in contexts and not preview_without_kubeconfig:
        known = ", ".join(contexts) or "none"
        raise pulumi.RunError(
            f"the kubeconfig has no context {cluster.context!r}, which cluster.context names; it has: {known}\n"
            "fix: correct cluster.context, or set KUBECONFIG to the file that has it"
        )
    return Provider(name, context=cluster.context, opts=opts)


def without_unknown_kinds(stack: ResolvedStack) -> ResolvedStack:
    """The stack without the objects whose kind is not installed in its cluster; a warning lists them."""
    installed, warnings = as_served(stack)
    for warning in warnings:
        pulumi.log.warn(warning)
    return installed
