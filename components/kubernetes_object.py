"""One resource class for Kubernetes objects of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

DELETION_TIMEOUT = 120
"""Longest wait for a deletion in seconds, for objects that the cluster deletes immediately.

Before 4.22 the provider can miss that an object is gone (pulumi-kubernetes, pull request 3550), and waits for ten
minutes. At the end of the time it looks at the object once more.
"""


class KubernetesObject(pulumi.CustomResource):
    """An object in the cluster, from its manifest.

    The SDK has a class for each kind. They check and convert typed arguments, which a manifest does not need, and
    loading them takes as long as loading the rest of the program.

    Args:
        name: Name of the resource in the stack.
        manifest: The object as Kubernetes has it. Values may be outputs of other resources.
        opts: Options, with the Kubernetes provider.
    """

    def __init__(
        self,
        name: str,
        manifest: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
    ) -> None:
        bounded = pulumi.ResourceOptions(
            custom_timeouts=pulumi.CustomTimeouts(delete=f"{DELETION_TIMEOUT}s")
        )
        super().__init__(
            resource_type(manifest),
            name,
            dict(manifest),
            pulumi.ResourceOptions.merge(bounded, opts),
        )

    @property
    @pulumi.getter
    def metadata(self) -> pulumi.Output[Mapping[str, Any]]:
        """The metadata; in the cluster with `uid`."""
        return pulumi.get(self, "metadata")  # type: ignore[no-any-return]


def resource_type(manifest: Mapping[str, Any]) -> str:
    """The type under which Pulumi knows the kind of an object: `kubernetes:core/v1:Service`."""
    group_and_version = manifest["apiVersion"]
    if "/" not in group_and_version:
        group_and_version = f"core/{group_and_version}"
    return f"kubernetes:{group_and_version}:{manifest['kind']}"
