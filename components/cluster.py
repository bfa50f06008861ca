"""The cluster of a stack: its provider and its namespace, never the ones that happen to be current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from cluster import kubeconfig
from cluster.api_discovery import as_served
from models.manifests.claims import claim_objects
from models.manifests.namespace import namespace as namespace_manifest
from models.manifests.queue import queue_object
from models.service.resolved import Cluster, ResolvedStack
from models.stack_file.operation import Queue


@dataclass(frozen=True)
class Home:
    """Where the services of a stack live."""

    provider: k8s.Provider
    namespace: k8s.core.v1.Namespace | None
    """The namespace, if the stack made it."""
    queues: Sequence[k8s.apiextensions.CustomResource] = ()
    """Volcano's queues that the stack made."""
    claims: Sequence[k8s.core.v1.PersistentVolumeClaim] = ()
    """The claims for weights that the stack made."""
    secrets: Sequence[k8s.core.v1.Secret] = ()
    """The Secrets that the stack made."""

    def child_options(self) -> pulumi.ResourceOptions:
        """Options of a component that lives here; its deletion is left to the namespace's."""
        made: list[pulumi.Resource] = [*filter(None, [self.namespace]), *self.queues, *self.claims, *self.secrets]
        return pulumi.ResourceOptions(providers=[self.provider], depends_on=made, deleted_with=self.namespace)


def cluster_provider(cluster: Cluster) -> k8s.Provider:
    """The provider of the stack's context.

    Raises:
        pulumi.RunError: The kubeconfig does not have the context. Without any kubeconfig a preview goes on, so that a
            pull request can be looked at where no credentials are; an update does not.
    """
    contexts = kubeconfig.contexts()
    if cluster.context not in contexts and (contexts or not pulumi.runtime.is_dry_run()):
        known = ", ".join(contexts) or "none"
        raise pulumi.RunError(
            f"the kubeconfig has no context {cluster.context!r}, which cluster.context names; it has: {known}\n"
            "fix: correct cluster.context, or set KUBECONFIG to the file that has it"
        )
    return k8s.Provider("cluster", context=cluster.context)


def as_far_as_known(stack: ResolvedStack) -> ResolvedStack:
    """The stack without the objects of kinds that its cluster lacks; of each, a warning says so."""
    stack, left_out = as_served(stack)
    for line in left_out:
        pulumi.log.warn(line)
    return stack


def namespace(cluster: Cluster, provider: k8s.Provider) -> Home:
    """The namespace of the stack and its queues, each made unless somebody else owns it."""
    options = pulumi.ResourceOptions(provider=provider)
    queues = [_queue(name, queue, cluster, options) for name, queue in cluster.queues.items() if queue.create]
    queues = [] if "Queue" in cluster.lacks else queues
    if not cluster.namespace.create:
        return Home(provider, None, queues)
    wanted = namespace_manifest(cluster)
    made = k8s.core.v1.Namespace("namespace", metadata=wanted["metadata"], opts=options)
    return Home(provider, made, queues)


def with_claims(home: Home, stack: ResolvedStack) -> Home:
    """The home of a stack with its claims, which Pulumi never deletes; their namespace's end does."""
    made = pulumi.ResourceOptions(provider=home.provider, depends_on=home.namespace, retain_on_delete=True)
    return replace(home, claims=[_claim(wanted, made) for wanted in claim_objects(stack)])


def _claim(wanted: Mapping[str, Any], options: pulumi.ResourceOptions) -> k8s.core.v1.PersistentVolumeClaim:
    metadata, name = wanted["metadata"], f"claim-{wanted['metadata']['name']}"
    return k8s.core.v1.PersistentVolumeClaim(name, metadata=metadata, spec=wanted["spec"], opts=options)


def _queue(
    name: str, queue: Queue, cluster: Cluster, options: pulumi.ResourceOptions
) -> k8s.apiextensions.CustomResource:
    wanted = queue_object(name, queue, cluster.platform.resource)
    return k8s.apiextensions.CustomResource(
        f"queue-{name}",
        api_version=wanted["apiVersion"],
        kind=wanted["kind"],
        metadata=wanted["metadata"],
        spec=wanted["spec"],
        opts=options,
    )
