"""The claims that a stack makes for weights; they outlive it."""

from __future__ import annotations

from dataclasses import replace

import pulumi
from pulumi_kubernetes.core.v1 import PersistentVolumeClaim

from components.cluster import Home
from models.beside.claims import claim_objects
from models.resolve import ResolvedStack


def with_claims(home: Home, stack: ResolvedStack) -> Home:
    """The home of a stack with its claims, which Pulumi never deletes; their namespace's end does."""
    options = pulumi.ResourceOptions(
        provider=home.provider, depends_on=[home.namespace] if home.namespace else [], retain_on_delete=True
    )
    made = [
        PersistentVolumeClaim(
            f"claim-{wanted['metadata']['name']}", metadata=wanted["metadata"], spec=wanted["spec"], opts=options
        )
        for wanted in claim_objects(stack)
    ]
    return replace(home, claims=made)
