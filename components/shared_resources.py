"""The resources that the services of a stack share: namespace, Volcano's queues, Secrets, and claims for weights."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes import Provider

from components.kubernetes_object import KubernetesObject
from models.manifests.claims import claim_objects
from models.manifests.namespace import namespace as namespace_manifest
from models.manifests.queue import queue_object
from models.manifests.secrets import secret_objects
from models.service.deadlines import namespace_deletion_timeout
from models.service.resolved import Cluster, ResolvedStack
from models.service.secrets import MadeSecret


@dataclass(frozen=True)
class SharedResources:
    """The resources that exist before the services of a stack."""

    provider: Provider
    namespace: KubernetesObject | None
    """The namespace; None if somebody else owns it."""
    resources: tuple[pulumi.Resource, ...]
    """Queues, Secrets and claims."""

    def service_options(self) -> pulumi.ResourceOptions:
        """Options of a service: it comes after all shared resources, and is deleted with the namespace."""
        before = list(self.resources)
        if self.namespace:
            before.append(self.namespace)
        return pulumi.ResourceOptions(
            providers=[self.provider],
            depends_on=before,
            deleted_with=self.namespace,
        )


def shared_resources(stack: ResolvedStack, provider: Provider) -> SharedResources:
    """Register what the services of a stack share. The stack makes only what nobody else owns.

    Raises:
        pulumi.RunError: A secret key of the stack is not set, or it is empty.
    """
    in_cluster = pulumi.ResourceOptions(provider=provider)
    namespace = None
    if stack.cluster.namespace.create:
        namespace = KubernetesObject(
            "namespace",
            namespace_manifest(stack.cluster),
            _namespace_options(stack, in_cluster),
        )
    in_namespace = pulumi.ResourceOptions(provider=provider, depends_on=namespace)
    deleted_with_namespace = pulumi.ResourceOptions(
        provider=provider,
        depends_on=namespace,
        deleted_with=namespace,
    )
    resources: list[pulumi.Resource] = []
    resources += _queues(stack.cluster, in_cluster)
    resources += _secrets(stack, deleted_with_namespace)
    resources += [
        claim(manifest, "claim", in_namespace) for manifest in claim_objects(stack)
    ]
    return SharedResources(provider, namespace, tuple(resources))


def _namespace_options(
    stack: ResolvedStack, opts: pulumi.ResourceOptions
) -> pulumi.ResourceOptions:
    """The deletion may take as long as the pods need to end."""
    timeout = namespace_deletion_timeout(stack.services)
    further = pulumi.ResourceOptions(
        custom_timeouts=pulumi.CustomTimeouts(delete=f"{timeout}s")
    )
    return pulumi.ResourceOptions.merge(opts, further)


def claim(
    manifest: Mapping[str, Any], prefix: str, opts: pulumi.ResourceOptions
) -> KubernetesObject:
    """Register a claim for weights. Pulumi never deletes it; it ends with its namespace."""
    kept = pulumi.ResourceOptions(retain_on_delete=True)
    return KubernetesObject(
        f"{prefix}-{manifest['metadata']['name']}",
        manifest,
        pulumi.ResourceOptions.merge(opts, kept),
    )


def _queues(
    cluster: Cluster, opts: pulumi.ResourceOptions
) -> Iterator[KubernetesObject]:
    if "Queue" in cluster.lacks:
        return
    for name, queue in cluster.queues.items():
        if not queue.create:
            continue
        manifest = queue_object(name, queue, cluster.platform.resource)
        yield KubernetesObject(f"queue-{name}", manifest, opts)


def _secrets(
    stack: ResolvedStack, opts: pulumi.ResourceOptions
) -> Iterator[KubernetesObject]:
    """The Secrets that the stack makes. Their values stay secret: encrypted in the state, `[secret]` in all output."""
    config = pulumi.Config()
    for secret in stack.secrets:
        key = secret.config
        value = config.require(key)
        # A server with an empty API key would accept every request.
        if not value.strip():
            raise pulumi.RunError(
                f"the secret key {key} is empty\nfix: pulumi config set --secret {key}"
            )
    hidden = pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(additional_secret_outputs=["data"])
    )
    for secret, manifest in zip(stack.secrets, secret_objects(stack), strict=True):
        encoded = config.require_secret(secret.config).apply(_encoded)
        data = pulumi.Output.secret({secret.key: encoded})
        named = pulumi.ResourceOptions.merge(hidden, _earlier_name(secret))
        yield KubernetesObject(
            f"secret-{secret.name}", {**manifest, "data": data}, named
        )


def _earlier_name(secret: MadeSecret) -> pulumi.ResourceOptions:
    """The name of the resource without the hash, under which older versions of the program have registered it."""
    earlier = f"secret-{secret.config}"
    if secret.is_pull:
        earlier += "-pull"
    if earlier == f"secret-{secret.name}":
        return pulumi.ResourceOptions()
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=earlier)])


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
