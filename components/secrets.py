"""The Secrets that a stack makes of its own secret keys."""

from __future__ import annotations

import base64
from dataclasses import replace

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from components.cluster import Home
from models.manifests.secrets import secret_objects
from models.service.resolved import ResolvedStack


def secrets(stack: ResolvedStack, home: Home) -> Home:
    """Make the Secrets of a stack; its services come after them.

    A value is read as a secret and stays one: encrypted in the state, and `[secret]` in whatever Pulumi shows.

    Raises:
        pulumi.RunError: A key of the stack is not set, or empty: with an empty API key a server asks for none.
    """
    config = pulumi.Config()
    if empty := [one.config for one in stack.secrets if not config.require(one.config).strip()]:
        raise pulumi.RunError(f"the secret key {empty[0]} is empty\nfix: pulumi config set --secret {empty[0]}")
    options = pulumi.ResourceOptions(
        provider=home.provider, depends_on=[home.namespace] if home.namespace else [], deleted_with=home.namespace
    )
    made = [
        Secret(
            f"secret-{one.config}{'-pull' if one.is_pull else ''}",
            metadata=item["metadata"],
            immutable=item["immutable"],
            type=item["type"],
            data={one.key: config.require_secret(one.config).apply(_encoded)},
            opts=options,
        )
        for one, item in zip(stack.secrets, secret_objects(stack), strict=True)
    ]
    return replace(home, secrets=made)


def _encoded(value: str) -> str:
    """A value as the data of a Secret has it."""
    return base64.b64encode(value.encode()).decode()
